import { BigboxError } from '../../contracts/errors.ts';
import { abortable } from '../../lib/async.ts';
import { OutputLog, type OutputPiece, type OutputStream } from './output-log.ts';

/** What a reader is told: output, or that some between two positions is no longer kept. */
export type OutputReport =
  | ({ readonly type: 'output' } & OutputPiece)
  | { readonly type: 'dropped'; readonly offset: number; readonly end: number };

const maxReaders = 16;

/** The output of one process while it is written and after, for several readers. None of them holds the process or another up. */
export class ProcessOutput {
  readonly #log: OutputLog;
  #changed = Promise.withResolvers<void>();
  #isFinished = false;
  #readers = 0;

  /** Keeps so many bytes of both streams together; goes on behind what was there before. */
  constructor(limitBytes: number, before?: Readonly<Record<OutputStream, number>>) {
    this.#log = new OutputLog(limitBytes, before);
  }

  /** Bytes that each stream wrote so far. */
  get bytes(): Readonly<Record<OutputStream, number>> {
    return this.#log.bytes;
  }

  /** Position of the oldest byte that is kept, which is also the number of bytes dropped. */
  get first(): number {
    return this.#log.first;
  }

  /** Position behind the newest byte. */
  get end(): number {
    return this.#log.end;
  }

  /** What is kept of one stream. */
  text(stream: OutputStream): string {
    return this.#log.text(stream);
  }

  add(stream: OutputStream, data: Uint8Array): void {
    this.#log.add(stream, data);
    this.#wake();
  }

  /** Says that nothing more will come: readers that have had all of it end. */
  finish(): void {
    this.#log.finish();
    this.#isFinished = true;
    this.#wake();
  }

  /** Refuses a reader before it begins. Throws INVALID_REQUEST for a position that is not there yet, LIMIT_EXCEEDED. */
  assertReadable(after: number): void {
    if (after > this.end)
      throw new BigboxError('INVALID_REQUEST', {
        message: `The output ends at ${this.end}, so it cannot be read after ${after}.`,
        context: { after, next_offset: this.end },
      });
    if (this.#readers >= maxReaders)
      throw new BigboxError('LIMIT_EXCEEDED', {
        message: `${this.#readers} readers follow this process, the most that it has.`,
        context: { limit: 'readers', readers: this.#readers, max_readers: maxReaders },
        remedy: 'End one of the other readers.',
      });
  }

  /** The output after a position, first what is kept, then live, to its end. Throws the signal's reason. */
  async *read(after: number, signal: AbortSignal): AsyncGenerator<OutputReport, void> {
    let offset = after;
    this.#readers += 1;
    try {
      for (;;) {
        signal.throwIfAborted();
        const changed = this.#changed.promise;
        const report = this.#next(offset);
        if (report !== undefined) {
          offset = report.type === 'dropped' ? report.end : report.offset + report.data.length;
          yield report;
        } else if (this.#isFinished) return;
        else await abortable(changed, signal);
      }
    } finally {
      this.#readers -= 1;
    }
  }

  #next(offset: number): OutputReport | undefined {
    const { first } = this;
    if (offset < first) return { type: 'dropped', offset, end: first };
    const piece = this.#log.read(offset);
    return piece === undefined ? undefined : { type: 'output', ...piece };
  }

  #wake(): void {
    this.#changed.resolve();
    this.#changed = Promise.withResolvers();
  }
}
