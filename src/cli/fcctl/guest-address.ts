import { Argument } from 'commander';
import { BigboxError } from '../../contracts/errors.ts';
import type { FileAddress, VmClient } from '../../sdk/index.ts';
import { findVmId } from './find-vm.ts';
import { toPlace } from './place.ts';

/** The argument that `toAddress` reads. */
export const placeArgument = (): Argument => new Argument('<path>', 'VM:PATH; a relative path begins at /home/sandbox');

/** Finds what VM:PATH names. Throws WRONG_USAGE where it names no VM, and as `findVmId`. */
export async function toAddress(client: VmClient, word: string, signal: AbortSignal): Promise<FileAddress> {
  const place = toPlace(word);
  if (place.kind === 'vm') return { vmId: await findVmId(client, place.vm, signal), path: place.path };
  throw new BigboxError('WRONG_USAGE', {
    message: `${word} names no VM, expected VM:PATH.`,
    remedy: 'Put the name or the id of the VM and a colon before the path.',
  });
}
