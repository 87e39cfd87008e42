import type { Vm, VmStatus } from '../../../src/contracts/vms.ts';

export interface VmFilter {
  readonly state?: VmStatus | undefined;
  readonly text?: string | undefined;
}

const textOf = ({
  id,
  name,
  vm_type: type,
  metadata,
  forked_from: source = '',
  snapshot_id: snapshot = '',
}: Vm): string =>
  [id, name, type, source, snapshot, ...Object.entries(metadata).map(([key, value]) => `${key}=${value}`)]
    .join('\n')
    .toLowerCase();

/** The VMs of a state in whose name, id, origin or labels every word stands. */
export function selectVms(vms: readonly Vm[], { state, text = '' }: VmFilter): readonly Vm[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  return vms.filter(
    (vm) => (state === undefined || vm.status === state) && words.every((word) => textOf(vm).includes(word)),
  );
}

/** How many VMs are in each state that any is in. */
export function countStates(vms: readonly Vm[]): readonly (readonly [VmStatus, number])[] {
  const counts = new Map<VmStatus, number>();
  for (const { status } of vms) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts];
}
