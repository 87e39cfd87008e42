import type { VirtualMachine } from '../machine/virtual-machine.ts';
import { type Entry, livingVm } from './entry.ts';

/** Changes a living VM while nobody else does. Throws VM_NOT_FOUND when it is deleted meanwhile, and what `livingVm` throws. */
export async function inTurn<TResult>(entry: Entry, work: (vm: VirtualMachine) => Promise<TResult>): Promise<TResult> {
  const { signal } = entry.deleted;
  const release = await entry.turn.acquire(signal);
  try {
    return await work(livingVm(entry));
  } catch (error) {
    signal.throwIfAborted();
    throw error;
  } finally {
    release();
  }
}
