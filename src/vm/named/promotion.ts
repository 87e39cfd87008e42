import { BigboxError } from '../../contracts/errors.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import { type Entry, startDeadline, toRecord } from './entry.ts';
import { inTurn } from './in-turn.ts';
import type { Registry } from './registry.ts';
import type { VmRecords } from './vm-records.ts';

/** What a promotion works on. */
export interface Promotion {
  readonly registry: Registry;
  readonly records: VmRecords;
  /** Notices the death of the machine that a VM has now. */
  readonly watch: (entry: Entry, vm: VirtualMachine) => void;
  readonly discard: (entry: Entry) => Promise<void>;
}

/** A fork, the VM that it was made of, and the other forks of that. */
interface Family {
  readonly fork: Entry;
  readonly parent: Entry;
  readonly others: readonly Entry[];
}

/** Lets a fork take the place of the VM that it was made of, and gives that one. See `NamedVms.promote`. */
export async function promote(id: string, promotion: Promotion): Promise<Entry> {
  const { registry } = promotion;
  const { parent, fork } = findFamily(id, registry);
  await Promise.all([parent.started, fork.started]);
  const gone = AbortSignal.any([parent.deleted.signal, fork.deleted.signal]);
  await inTurn(fork, async (vm) => {
    const release = await parent.turn.acquire(gone);
    try {
      await vm.resume();
      await vm.takeName(parent.info.id);
      gone.throwIfAborted();
      await exchange(findFamily(id, registry), vm, promotion);
    } catch (error) {
      // Its next owner renames it too: a name is no more than what the guest calls itself.
      if (vm.state !== 'failed' && parent.vm !== vm) await vm.takeName(fork.info.id).catch(() => undefined);
      throw error;
    } finally {
      release();
    }
  });
  return parent;
}

/** Throws VM_NOT_FOUND, and CONFLICT where the VM is no fork, or what it was made of is gone. */
function findFamily(id: string, registry: Registry): Family {
  const fork = registry.get(id);
  const { forkedFrom } = fork.info;
  const all = registry.all();
  const parent = all.find(({ info }) => info.id === forkedFrom);
  if (parent !== undefined)
    return { fork, parent, others: all.filter((one) => one !== fork && one.info.forkedFrom === forkedFrom) };
  const reason =
    forkedFrom === undefined ? 'it is not a fork' : `the VM ${forkedFrom}, which it was forked from, is gone`;
  throw new BigboxError('CONFLICT', {
    message: `The VM ${fork.info.id} cannot take another one's place: ${reason}.`,
    context: { vm_id: fork.info.id, ...(forkedFrom === undefined ? {} : { forked_from: forkedFrom }) },
  });
}

/**
 * Gives the parent the machine of its fork. That is written down in one record before anything else changes, so that a death leaves all
 * as it was or, by `settlePromotions`, all done. Throws DISK_FULL; nothing has changed then.
 */
async function exchange(family: Family, vm: VirtualMachine, promotion: Promotion): Promise<void> {
  const { fork, parent, others } = family;
  const { vm: old, info } = parent;
  const { error: _, ...kept } = info;
  const machine = vm.machine.record();
  const { hasKeptDisk: __, ...stayed } = parent;
  const next: Entry = { ...stayed, machine, info: { ...kept, state: 'ready' } };
  promotion.records.save({ ...toRecord(next), discards: [fork, ...others].map((one) => one.info.id) });
  parent.info = next.info;
  parent.machine = machine;
  delete parent.hasKeptDisk;
  promotion.watch(parent, vm);
  if (info.state !== 'ready') startDeadline(parent);
  delete fork.vm;
  await Promise.all([old?.destroy(), ...[fork, ...others].map((one) => promotion.discard(one))]);
}

/** Finishes promotions that an earlier owner had written down. To be done before the records are used otherwise. */
export function settlePromotions(records: VmRecords): void {
  for (const { discards, ...record } of records.read()) {
    if (discards === undefined) continue;
    for (const id of discards) records.remove(id);
    records.save(record);
  }
}
