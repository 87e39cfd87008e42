import type { ReadEntry } from 'tar';
import { BigboxError } from '../../../contracts/errors.ts';
import { FolderWriter } from './folder-writer.ts';
import { LeftOutList } from './left-out.ts';
import { isReadable, staysInside, toSteps, whyUnnameable } from './member-name.ts';
import { readMembers } from './read-members.ts';

export interface UnpackOptions {
  /** A folder that is there. */
  readonly into: string;
  /** Of the archive, and of what is written. */
  readonly maxBytes: number;
}

const mostMembers = 1_000_000;

/**
 * Unpacks an archive that a guest made: into the folder, and nowhere else. What no honest archive has stops it, what only cannot be put
 * here safely is left out and told. What was unpacked before an end with an error stays. Throws ARCHIVE_REFUSED, LIMIT_EXCEEDED, what the
 * archive throws, and errors of the file system.
 */
export async function unpackFolder(
  archive: AsyncIterable<Uint8Array>,
  { into, maxBytes }: UnpackOptions,
): Promise<LeftOutList> {
  const members = new Members(new FolderWriter(into), maxBytes);
  try {
    await readMembers(atMost(archive, new Budget(maxBytes)), (member, content) => members.take(member, content));
  } finally {
    await members.finish();
  }
  return members.leftOut;
}

interface Taken {
  readonly member: ReadEntry;
  readonly content: AsyncIterable<Uint8Array>;
}

class Members {
  readonly leftOut = new LeftOutList();
  readonly #writer: FolderWriter;
  readonly #budget: Budget;
  #count = 0;

  constructor(writer: FolderWriter, maxBytes: number) {
    this.#writer = writer;
    this.#budget = new Budget(maxBytes);
  }

  async take(member: ReadEntry, content: AsyncIterable<Uint8Array>): Promise<void> {
    this.#count += 1;
    if (this.#count > mostMembers)
      throw new BigboxError('LIMIT_EXCEEDED', {
        message: `The folder holds more than ${mostMembers} files, the most that are copied at once.`,
        context: { limit: mostMembers },
        remedy: 'Copy the folders in it one by one.',
      });
    const name = String(member.path);
    const steps = toSteps(name);
    const taken = { member, content: atMost(content, this.#budget) };
    const reason = whyUnnameable(name, steps) ?? (await this.#write(taken, steps));
    if (reason !== undefined) this.leftOut.add({ name, reason });
  }

  finish(): Promise<void> {
    return this.#writer.finish();
  }

  /** Gives why it was left out. */
  async #write({ member, content }: Taken, steps: readonly string[]): Promise<string | undefined> {
    const { type, mode, linkpath = '' } = member;
    switch (type) {
      case 'Directory':
        await this.#writer.folder(steps, mode ?? 0o755);
        return undefined;
      case 'File':
      case 'OldFile':
      case 'ContiguousFile':
        await this.#writer.file(steps, mode ?? 0o644, content);
        return undefined;
      case 'SymbolicLink':
        return this.#link(steps, String(linkpath));
      case 'Link':
        if (await this.#writer.hardLink(steps, toSteps(String(linkpath)))) return undefined;
        return 'it is a second name of a file that was not copied before it';
      default:
        return 'it is no file, folder or link';
    }
  }

  async #link(steps: readonly string[], target: string): Promise<string | undefined> {
    if (!isReadable(target)) return 'what it links to is not UTF-8';
    if (!staysInside(steps, target))
      return `it links to ${JSON.stringify(target.slice(0, 200))}, outside of the folder`;
    await this.#writer.symbolicLink(steps, target);
    return undefined;
  }
}

/** Bytes that may still be used. */
class Budget {
  readonly #limit: number;
  #used = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Throws LIMIT_EXCEEDED. */
  use(bytes: number): void {
    this.#used += bytes;
    if (this.#used <= this.#limit) return;
    throw new BigboxError('LIMIT_EXCEEDED', {
      message: `The folder holds more than ${this.#limit} bytes, the most that are copied here.`,
      context: { limit: this.#limit },
      remedy: 'Name a higher limit with --max-size where there is room for it.',
    });
  }
}

async function* atMost(source: AsyncIterable<Uint8Array>, budget: Budget): AsyncGenerator<Uint8Array> {
  for await (const data of source) {
    budget.use(data.length);
    yield data;
  }
}
