import { Duplex, type PassThrough } from 'node:stream';

type Answers = AsyncIterator<{ readonly data: Uint8Array }>;

/** A connection that goes over calls: what is written to it is read from `input`, what it gives comes from `answers`. */
export class PortStream extends Duplex {
  readonly #input: PassThrough;
  readonly #answers: Answers;
  readonly #leave: () => void;
  #isReading = false;

  /** Owns the input and the answers; `leave` ends the call behind them. */
  constructor(input: PassThrough, answers: Answers, leave: () => void) {
    super({ allowHalfOpen: true });
    this.#input = input;
    this.#answers = answers;
    this.#leave = leave;
    input.on('error', (error) => this.destroy(error));
  }

  override _read(): void {
    if (this.#isReading) return;
    this.#isReading = true;
    this.#pull().catch((error: Error) => this.destroy(error));
  }

  override _write(chunk: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    this.#input.write(chunk, done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#input.end(done);
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#leave();
    this.#input.destroy();
    done(error);
  }

  async #pull(): Promise<void> {
    for (;;) {
      const next = await this.#answers.next();
      if (this.destroyed) return;
      if (next.done === true) return void this.push(null);
      if (next.value.data.length === 0) continue;
      // What is pushed may be read at once, and more be asked for.
      this.#isReading = false;
      if (!this.push(next.value.data) || this.#isReading) return;
      this.#isReading = true;
    }
  }
}
