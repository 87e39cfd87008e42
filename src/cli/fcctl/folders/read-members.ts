import { once } from 'node:events';
import { Parser, type ReadEntry } from 'tar';
import { BigboxError } from '../../../contracts/errors.ts';

/** Does something with a member; what it leaves of the content is skipped. */
type Take = (member: ReadEntry, content: AsyncIterable<Uint8Array>) => Promise<void>;

const longestHeaderBytes = 65_536;

/**
 * Reads an archive and gives its members one after the other. Throws ARCHIVE_REFUSED for what is no whole archive, and what `take` and
 * the archive throw; nothing is taken any more then.
 */
export async function readMembers(archive: AsyncIterable<Uint8Array>, take: Take): Promise<void> {
  const reading = new Reading(take);
  const chunks = archive[Symbol.asyncIterator]();
  try {
    for (;;) {
      const next = await reading.orBroken(chunks.next());
      if (next.done === true) break;
      await reading.write(next.value);
    }
    await reading.end();
  } catch (error) {
    await reading.stop(error);
    throw error;
  } finally {
    // It may wait for a chunk that never comes.
    chunks.return?.().catch(() => undefined);
  }
}

class Reading {
  readonly #parser = new Parser({ strict: true, zstd: false, maxMetaEntrySize: longestHeaderBytes });
  readonly #take: Take;
  readonly #ended = Promise.withResolvers<void>();
  readonly #broken = Promise.withResolvers<never>();
  /** The parser gives the next member when the last byte of one was read, not when that was written. */
  #turn: Promise<void> = Promise.resolve();
  #isWhole = false;
  #isBroken = false;

  constructor(take: Take) {
    this.#take = take;
    this.#parser.on('eof', () => (this.#isWhole = true));
    this.#parser.on('end', () => this.#ended.resolve());
    this.#parser.on('error', (error: Error) => this.#break(refuse(error.message, error)));
    this.#parser.on('entry', (member: ReadEntry) => this.#inTurn(member));
    // Headers that are too large, and members of kinds that the parser does not know; it skips them by itself.
    this.#parser.on('ignoredEntry', (member: ReadEntry) => {
      if (member.meta) this.#break(refuse(`a header has more than ${longestHeaderBytes} bytes`));
      else this.#inTurn(member);
    });
  }

  /** A member that fails ends the reading, also while nothing more comes. */
  orBroken<TValue>(step: Promise<TValue>): Promise<TValue> {
    return Promise.race([step, this.#broken.promise]);
  }

  /** What follows the end is not given to the parser, which would keep it. Resolves when more is wanted. */
  async write(data: Uint8Array): Promise<void> {
    if (this.#isWhole) return;
    try {
      if (this.#parser.write(Buffer.from(data.buffer, data.byteOffset, data.byteLength))) return;
    } catch (error) {
      throw refuse('a header makes no sense', error);
    }
    await this.orBroken(once(this.#parser, 'drain'));
  }

  async end(): Promise<void> {
    this.#parser.end();
    await this.orBroken(this.#ended.promise);
    await this.orBroken(this.#turn);
    if (!this.#isWhole) throw refuse('it ends early');
  }

  /** Resolves when nothing is taken any more. */
  async stop(reason: unknown): Promise<void> {
    this.#break(reason);
    await this.#turn.catch(() => undefined);
  }

  #break(reason: unknown): void {
    this.#isBroken = true;
    this.#broken.reject(reason);
  }

  #inTurn(member: ReadEntry): void {
    this.#turn = this.#turn.then(async () => {
      if (!this.#isBroken) await this.#take(member, this.#contentOf(member));
      member.resume();
    });
    this.#turn.catch((error: unknown) => this.#break(error));
  }

  async *#contentOf(member: ReadEntry): AsyncGenerator<Uint8Array> {
    const parts = member[Symbol.asyncIterator]();
    for (;;) {
      const next = await this.orBroken(parts.next());
      if (next.done === true) return;
      yield next.value;
    }
  }
}

const refuse = (reason: string, cause?: unknown): BigboxError =>
  new BigboxError('ARCHIVE_REFUSED', { message: `The archive of the folder cannot be read: ${reason}.`, cause });
