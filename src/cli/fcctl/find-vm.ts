import { Argument } from 'commander';
import { BigboxError } from '../../contracts/errors.ts';
import type { VmClient } from '../../sdk/index.ts';

/** The argument that names a VM. */
export const vmArgument = (): Argument => new Argument('<vm>', 'id or name of a VM, as fcctl vm list shows it');

/**
 * Finds the id that a word of the command line means: an id as it is, or the name of one VM.
 * Throws VM_NOT_FOUND, CONFLICT where several VMs have the name.
 */
export async function findVmId(client: VmClient, word: string, signal: AbortSignal): Promise<string> {
  if (/^vm-[0-9a-f]{8}$/.test(word)) return word;
  const found = (await client.listVms({ name: word }, signal)).map(({ id }) => id);
  const [id] = found;
  if (id === undefined) throw new BigboxError('VM_NOT_FOUND', { message: `There is no VM ${word}.` });
  if (found.length === 1) return id;
  throw new BigboxError('CONFLICT', {
    message: `${found.length} VMs have the name ${word}: ${found.join(', ')}.`,
    remedy: 'Name the one that is meant by its id.',
  });
}
