import { Code, ConnectError } from '@connectrpc/connect';
import { BigboxError } from '../../contracts/errors.ts';
import type { FileEntry } from '../../contracts/vms.ts';
import { type Agent, type Client, type Entry, FileKind } from '../../guest/index.ts';
import type { Limits } from '../limits/limits.ts';

type AgentClient = Client<typeof Agent>;
type WritePart = Parameters<AgentClient['writeFile']>[0] extends AsyncIterable<infer TPart> ? TPart : never;

const chunkBytes = 65_536;
const maxReadBytes = 16 * 1024 * 1024;
const maxEntries = 10_000;

export interface FileToWrite {
  readonly path: string;
  readonly data: Uint8Array;
  readonly mode: number;
  readonly makeParents: boolean;
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

/** Writes a file of the user without rights; it appears whole or not at all. Throws a ConnectError. */
export async function writeGuestFile(agent: AgentClient, file: FileToWrite, signal: AbortSignal): Promise<void> {
  const { path, data, mode, makeParents, append = false } = file;
  const header = { path, mode, user: 'sandbox', makeParents, size: BigInt(data.length), append };
  async function* parts(): AsyncGenerator<WritePart> {
    yield { part: { case: 'header', value: header } };
    for (let offset = 0; offset < data.length; offset += chunkBytes)
      yield { part: { case: 'data', value: data.subarray(offset, offset + chunkBytes) } };
  }
  await agent.writeFile(parts(), { signal });
}

/** The files of one VM. Everything throws GUEST_FILE_ERROR where the guest refuses, LIMIT_EXCEEDED where a limit is met. */
export class GuestFiles {
  readonly #agent: AgentClient;
  readonly #limits: Limits;

  constructor(agent: AgentClient, limits: Limits) {
    this.#agent = agent;
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

  /** Throws BODY_TOO_LARGE beside. */
  async write(file: Pick<FileToWrite, 'path' | 'data' | 'append'>, signal: AbortSignal): Promise<void> {
    this.#limits.assertUpload(file.data.length);
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

async function explain<TValue>(path: string, work: () => Promise<TValue>): Promise<TValue> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BigboxError) throw error;
    const { code, rawMessage } = ConnectError.from(error);
    const isLost = code === Code.Unavailable || code === Code.Aborted || code === Code.Internal;
    throw new BigboxError(isLost ? 'GUEST_UNREACHABLE' : 'GUEST_FILE_ERROR', {
      message: `${path}: ${rawMessage}.`,
      context: { path, reason: Code[code] },
      cause: error,
    });
  }
}
