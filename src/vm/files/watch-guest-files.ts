import type { FileChange } from '../../contracts/file-changes.ts';
import { type Agent, type Change, ChangeKind, type Client, type WatchResponse } from '../../guest/index.ts';
import { explain } from './guest-file-failure.ts';

export interface WatchWish {
  readonly path: string;
  /** Also what is in the folders below, those that come later too. */
  readonly recursive: boolean;
}

/**
 * Watches a path of a guest; resolves when whatever happens from then on is told. Ends when the path is gone. Throws GUEST_FILE_ERROR where
 * there is nothing to be watched, or too much, GUEST_UNREACHABLE.
 */
export async function watchGuestFiles(
  agent: Client<typeof Agent>,
  { path, recursive }: WatchWish,
  signal: AbortSignal,
): Promise<AsyncIterable<FileChange>> {
  const responses = agent.watch({ path, recursive }, { signal })[Symbol.asyncIterator]();
  await explain(path, () => responses.next());
  return changesOf(path, responses);
}

async function* changesOf(path: string, responses: AsyncIterator<WatchResponse>): AsyncGenerator<FileChange> {
  yield { type: 'watching' };
  for (;;) {
    const { value, done } = await explain(path, () => responses.next());
    if (done === true) return;
    if (value.overflow) yield { type: 'overflow' };
    for (const change of value.changes) yield toFileChange(change);
  }
}

const kinds = {
  [ChangeKind.CREATED]: 'created',
  [ChangeKind.REMOVED]: 'removed',
  [ChangeKind.MODIFIED]: 'modified',
  [ChangeKind.UNSPECIFIED]: 'modified',
} as const;

function toFileChange({ kind, path, from, directory }: Change): FileChange {
  const place = { path, is_folder: directory };
  return kind === ChangeKind.MOVED ? { type: 'moved', ...place, from } : { type: kinds[kind], ...place };
}
