import { type BigboxError, toBigboxError } from '../../contracts/errors.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import { type Entry, toRecord } from './entry.ts';
import { inTurn } from './in-turn.ts';
import type { KeptDisks } from './kept-disks.ts';
import type { Registry } from './registry.ts';
import type { VmRecords } from './vm-records.ts';

/** What a stop works on. */
export interface Stopping {
  readonly registry: Registry;
  readonly records: VmRecords;
  readonly disks: KeptDisks;
}

/**
 * Ends what runs in a VM, keeps its disk and lets go of its machine; one that is stopped stays so. Where it fails the VM goes on, without
 * the programs that have ended. Throws as `NamedVms.stop`.
 */
export async function stop(entry: Entry, stopping: Stopping): Promise<void> {
  await entry.started;
  if (entry.info.state === 'stopped') return;
  await inTurn(entry, async (vm) => {
    await vm.resume();
    await vm.quiesce();
    await vm.pause();
    try {
      await stopping.disks.keep(entry.info.id, (directory) => vm.keepDisk(directory));
      entry.deleted.signal.throwIfAborted();
      letGo(entry, stopping);
    } catch (error) {
      await stopping.disks.remove(entry.info.id);
      await vm.resume();
      throw error;
    }
    await vm.destroy();
  });
}

/** That it is stopped is written down before anything else changes: a death leaves it running, or stopped with its disk. */
function letGo(entry: Entry, { registry, records }: Stopping): void {
  const { machine: _, vm: __, ...rest } = entry;
  entry.deadline.clear();
  const info = { ...entry.info, state: 'stopped' as const };
  records.save(toRecord({ ...rest, info, hasKeptDisk: true }));
  delete entry.machine;
  delete entry.vm;
  entry.hasKeptDisk = true;
  registry.set(entry, { state: 'stopped' });
}

/** What `startAgain` needs beside. */
export interface Starting extends Stopping {
  readonly boot: () => Promise<VirtualMachine>;
  /** Goes on with the machine, and writes that down. */
  readonly settle: (vm: VirtualMachine) => void;
}

/**
 * Boots a VM with its kept disk, which is removed then. Gives why that was not possible: the VM is stopped again then, with its disk. The VM
 * must be `booting`.
 */
export async function startAgain(entry: Entry, starting: Starting): Promise<BigboxError | undefined> {
  const { registry, disks, boot, settle } = starting;
  try {
    const vm = await boot();
    delete entry.hasKeptDisk;
    settle(vm);
    await disks.remove(entry.info.id);
    return undefined;
  } catch (cause) {
    const error = toBigboxError(cause);
    await entry.vm?.destroy();
    delete entry.vm;
    delete entry.machine;
    if (entry.deleted.signal.aborted) return error;
    entry.hasKeptDisk = true;
    registry.change(entry, { state: 'stopped' });
    return error;
  }
}
