import { BigboxError } from '../../contracts/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import type { Entry } from './entry.ts';
import type { NamedVm } from './named-vm.ts';

export interface ClaimOptions {
  readonly claim: (wish: NamedVm, signal: AbortSignal) => Promise<VirtualMachine>;
  readonly logger: Logger;
}

/** Gives an entry the clone that it wishes for, under its name. Throws VM_LOST, what `claim` throws, and the reason why it was deleted. */
export async function claimVm(entry: Entry, options: ClaimOptions): Promise<VirtualMachine> {
  const vm = (await tryClaim(entry, options)) ?? (await tryClaim(entry, options));
  if (vm !== undefined) return vm;
  throw new BigboxError('VM_LOST', { message: `The VM ${entry.info.id} died before it was ready.` });
}

/** A clone may have died in the pool a moment ago: then there is none. */
async function tryClaim(entry: Entry, { claim, logger }: ClaimOptions): Promise<VirtualMachine | undefined> {
  const { signal } = entry.deleted;
  const vm = await claim(entry.info, signal);
  entry.vm = vm;
  try {
    await vm.takeName(entry.info.id);
    return vm;
  } catch (error) {
    delete entry.vm;
    await vm.destroy();
    signal.throwIfAborted();
    logger.warn({ vm_id: entry.info.id, err: error }, 'a clone did not take its name');
    return undefined;
  }
}
