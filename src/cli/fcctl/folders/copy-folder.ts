import { mkdir } from 'node:fs/promises';
import { BigboxError } from '../../../contracts/errors.ts';
import type { FileAddress, VmClient } from '../../../sdk/index.ts';
import { GuardedContent } from '../../../lib/guarded-content.ts';
import { explainLocal } from '../local-path.ts';
import type { LeftOutList } from './left-out.ts';
import { packFolder } from './pack-folder.ts';
import { unpackFolder } from './unpack-folder.ts';

/** Copies what is in a folder of this machine into one of a VM; gives what was left out. Throws WRONG_USAGE and the server's errors. */
export async function copyFolderIn(
  client: VmClient,
  { from, to }: { readonly from: string; readonly to: FileAddress },
  signal: AbortSignal,
): Promise<LeftOutList> {
  const { archive, leftOut } = packFolder(from);
  const source = new GuardedContent(archive);
  await explainLocal(from, async () => {
    try {
      await client.unpackFolder({ ...to, archive: ReadableStream.from(source) }, signal);
    } catch (error) {
      source.assertWhole();
      throw error;
    }
  });
  return leftOut;
}

interface CopyOut {
  readonly from: FileAddress;
  /** Made where it is missing. */
  readonly to: string;
  readonly maxBytes: number;
}

/**
 * Copies what is in a folder of a VM into one of this machine, and nowhere else; gives what was left out. Throws ARCHIVE_REFUSED,
 * LIMIT_EXCEEDED, WRONG_USAGE and the server's errors.
 */
export async function copyFolderOut(
  client: VmClient,
  { from, to, maxBytes }: CopyOut,
  signal: AbortSignal,
): Promise<LeftOutList> {
  const left = new AbortController();
  const source = new GuardedContent(await client.packFolder(from, AbortSignal.any([signal, left.signal])));
  try {
    return await explainLocal(to, async () => {
      await mkdir(to, { recursive: true });
      return unpackFolder(source, { into: to, maxBytes });
    });
  } catch (error) {
    signal.throwIfAborted();
    if (!source.isBroken || error instanceof BigboxError) throw error;
    throw new BigboxError('GUEST_FILE_ERROR', {
      message: `${from.path} was not packed to its end; what came before is in ${to}.`,
      context: { path: from.path },
      remedy: 'See that it does not change while it is copied, and that the VM runs.',
      cause: error,
    });
  } finally {
    left.abort();
  }
}
