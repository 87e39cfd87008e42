import { Readable } from 'node:stream';
import { Code, ConnectError } from '@connectrpc/connect';
import { BigboxError } from '../../contracts/errors.ts';
import type { FileChange } from '../../contracts/file-changes.ts';
import type { FileEntry } from '../../contracts/vms.ts';
import { type Entry, FileKind } from '../../guest/index.ts';
import type { Limits } from '../limits/limits.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import { explain } from './guest-file-failure.ts';
import { GuestFolders } from './guest-folders.ts';
import { type WatchWish, watchGuestFiles } from './watch-guest-files.ts';
import { type FileToWrite, writeGuestFile } from './write-guest-file.ts';

const maxReadBytes = 16 * 1024 * 1024;
const maxEntries = 10_000;

/** A file that comes as a whole. */
export interface DataToWrite {
  readonly path: string;
  readonly data: Uint8Array;
  /** Adds to the end; what came before a failure stays in the file. */
  readonly append?: boolean;
}

export interface FileMove {
  readonly from: string;
  readonly to: string;
  readonly overwrite: boolean;
}

/** A part of a file; without a length, up to its end. */
export interface FilePart {
  readonly offset: number;
  readonly length?: number | undefined;
}

/** The files of one VM. Everything throws GUEST_FILE_ERROR where the guest refuses, LIMIT_EXCEEDED where a limit is met. */
export class GuestFiles {
  /** Whole folders. */
  readonly folders: GuestFolders;
  readonly #agent: VirtualMachine['agent'];
  readonly #limits: Limits;

  constructor(vm: VirtualMachine, limits: Limits) {
    this.folders = new GuestFolders(vm, limits);
    this.#agent = vm.agent;
    this.#limits = limits;
  }

  /** Everything, or a part; at most 16 MiB at once. */
  async read(path: string, { offset, length }: FilePart, signal: AbortSignal): Promise<Buffer> {
    if (length === 0) return Buffer.alloc(0);
    const wish = { path, offset: BigInt(offset), length: BigInt(length ?? 0) };
    return explain(path, async () => {
      const parts: Uint8Array[] = [];
      let bytes = 0;
      for await (const { data } of this.#agent.readFile(wish, { signal })) {
        bytes += data.length;
        if (bytes > maxReadBytes) throw tooLarge(path, maxReadBytes);
        parts.push(data);
      }
      return Buffer.concat(parts);
    });
  }

  /**
   * Everything, as fast as it is read. What is wrong from the start is thrown, what goes wrong later ends the stream with an error.
   * Destroyed by the caller.
   */
  async open(path: string, signal: AbortSignal): Promise<Readable> {
    const left = new AbortController();
    const any = AbortSignal.any([signal, left.signal]);
    const parts = this.#agent.readFile({ path }, { signal: any })[Symbol.asyncIterator]();
    const first = await explain(path, () => parts.next());
    return Readable.from(contentOf(path, first, parts), { objectMode: false }).once('close', () => left.abort());
  }

  /** Throws BODY_TOO_LARGE beside. */
  async write({ path, data, append = false }: DataToWrite, signal: AbortSignal): Promise<void> {
    await this.receive({ path, content: [data], size: data.length, append }, signal);
  }

  /** Writes what comes bit by bit. Throws BODY_TOO_LARGE beside, and what the content throws. */
  async receive(file: Omit<FileToWrite, 'mode' | 'makeParents'>, signal: AbortSignal): Promise<void> {
    this.#limits.assertUpload(file.size);
    const whole = { mode: 0o644, makeParents: true, ...file };
    await explain(file.path, () => writeGuestFile(this.#agent, whole, signal));
  }

  /** What is at a path: a link itself, or what it names. */
  async stat(path: string, follow: boolean, signal: AbortSignal): Promise<FileEntry> {
    return explain(path, async () => {
      const { entry } = await this.#agent.stat({ path, follow }, { signal });
      if (entry === undefined) throw new ConnectError('the guest described nothing', Code.Internal);
      return toFileEntry(entry);
    });
  }

  /** Removes a file, a link or an empty folder; a folder with all that is in it where that is said. */
  async remove(path: string, recursive: boolean, signal: AbortSignal): Promise<void> {
    await explain(path, () => this.#agent.remove({ path, recursive }, { signal }));
  }

  /** Makes a folder of the user without rights, and those above it; one that is there stays as it is. */
  async makeFolder(path: string, mode: number, signal: AbortSignal): Promise<void> {
    await explain(path, () => this.#agent.makeDirectory({ path, mode, user: 'sandbox' }, { signal }));
  }

  /** Renames within one file system. What is at the target stays and refuses the move, unless it may be replaced. */
  async move({ from, to, overwrite }: FileMove, signal: AbortSignal): Promise<void> {
    await explain(from, () => this.#agent.move({ from, to, overwrite }, { signal }));
  }

  /** Sets the permission bits of what the path names; links are followed. */
  async changeMode(path: string, mode: number, signal: AbortSignal): Promise<void> {
    await explain(path, () => this.#agent.changeMode({ path, mode }, { signal }));
  }

  /** Resolves when whatever happens from then on is told; ends when the path is gone. */
  async watch(wish: WatchWish, signal: AbortSignal): Promise<AsyncIterable<FileChange>> {
    return watchGuestFiles(this.#agent, wish, signal);
  }

  /** Sorted by name. More than one level deep, folders in it too, but not what links in it name. */
  async list(path: string, depth: number, signal: AbortSignal): Promise<FileEntry[]> {
    return explain(path, async () => {
      const found: FileEntry[] = [];
      for await (const { entries } of this.#agent.list({ path, depth }, { signal })) {
        found.push(...entries.map(toFileEntry));
        if (found.length > maxEntries) throw tooLarge(path, maxEntries);
      }
      return found.toSorted((left, right) => (left.name < right.name ? -1 : 1));
    });
  }
}

const kinds: Readonly<Record<FileKind, FileEntry['kind']>> = {
  [FileKind.UNSPECIFIED]: 'other',
  [FileKind.FILE]: 'file',
  [FileKind.DIRECTORY]: 'directory',
  [FileKind.SYMLINK]: 'symlink',
  [FileKind.OTHER]: 'other',
};

const toFileEntry = (entry: Entry): FileEntry => ({
  name: entry.name,
  kind: kinds[entry.kind],
  size: Number(entry.size),
  mode: entry.mode,
  modified_at: new Date(Number(entry.modifiedMs)).toISOString(),
  ...(entry.linkTarget === '' ? {} : { link_target: entry.linkTarget }),
});

const tooLarge = (path: string, limit: number): BigboxError =>
  new BigboxError('LIMIT_EXCEEDED', {
    message: `${path} is larger than ${limit}, the most that is read at once.`,
    context: { path, limit },
  });

type Parts = AsyncIterator<{ readonly data: Uint8Array }>;

async function* contentOf(
  path: string,
  first: IteratorResult<{ readonly data: Uint8Array }>,
  parts: Parts,
): AsyncGenerator<Uint8Array> {
  for (let part = first; part.done !== true; part = await explain(path, () => parts.next())) yield part.value.data;
}
