import { Argument } from 'commander';
import { BigboxError } from '../../contracts/errors.ts';
import type { VmClient } from '../../sdk/index.ts';

/** The argument that names a snapshot. */
export const snapshotArgument = (): Argument =>
  new Argument('<snapshot>', 'id or name of a snapshot, as fcctl snapshot list shows it');

/**
 * Finds the id that a word of the command line means: an id as it is, or the name of one snapshot.
 * Throws VM_SNAPSHOT_NOT_FOUND, CONFLICT where several snapshots have the name.
 */
export async function findSnapshotId(client: VmClient, word: string, signal: AbortSignal): Promise<string> {
  const all = await client.listSnapshots({}, signal);
  const found = all.filter(({ id, name }) => id === word || name === word).map(({ id }) => id);
  const [id] = found;
  if (id === undefined) throw new BigboxError('VM_SNAPSHOT_NOT_FOUND', { message: `There is no snapshot ${word}.` });
  if (found.length === 1) return id;
  throw new BigboxError('CONFLICT', {
    message: `${found.length} snapshots have the name ${word}: ${found.join(', ')}.`,
    remedy: 'Name the one that is meant by its id.',
  });
}
