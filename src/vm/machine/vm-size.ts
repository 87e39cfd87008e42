import { z } from 'zod';
import type { MachineSpec } from '../../vmm/index.ts';

/** What a VM has of the machine that it runs on. */
export type VmSize = Readonly<Pick<MachineSpec, 'vcpus' | 'memoryMib'>>;

/** How a size is written down; records of before sizes could be chosen have none. */
export const StoredSize = z.object({ vcpus: z.number(), memoryMib: z.number() }).default({ vcpus: 1, memoryMib: 256 });

/** What VMs have together. */
export interface VmUse extends VmSize {
  readonly vms: number;
}

export const isSameSize = (left: VmSize, right: VmSize): boolean =>
  left.vcpus === right.vcpus && left.memoryMib === right.memoryMib;

/** What VMs of these sizes have together. */
export function addSizes(sizes: readonly VmSize[]): VmUse {
  const sum = (of: (size: VmSize) => number): number => sizes.reduce((total, size) => total + of(size), 0);
  return { vms: sizes.length, vcpus: sum(({ vcpus }) => vcpus), memoryMib: sum(({ memoryMib }) => memoryMib) };
}

/** What so many VMs of one size have together. */
export const times = (count: number, { vcpus, memoryMib }: VmSize): VmUse => ({
  vms: count,
  vcpus: count * vcpus,
  memoryMib: count * memoryMib,
});
