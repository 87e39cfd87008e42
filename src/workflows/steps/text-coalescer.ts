import type { Clock } from '../../lib/clock.ts';

/** A piece of streamed text, and how many deltas the step has had so far. */
export interface TextPiece {
  readonly text: string;
  readonly tokens: number;
}

const maxWaitMs = 150;
const maxLength = 200;

/** Gathers deltas so that a record gets a piece for every 200 characters or 150 ms, not one for every token. */
export class TextCoalescer {
  readonly #write: (piece: TextPiece) => Promise<void>;
  readonly #clock: Clock;
  #text = '';
  #tokens = 0;
  #timer: AbortController | undefined;
  #failure: { readonly error: unknown } | undefined;

  constructor(clock: Clock, write: (piece: TextPiece) => Promise<void>) {
    this.#clock = clock;
    this.#write = write;
  }

  /** Takes a delta; waits for the record when there is enough to write. Throws what a write threw, also one by the timer before. */
  async add(text: string): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure.error;
    this.#text += text;
    this.#tokens += 1;
    if (this.#text.length >= maxLength) await this.#flush();
    else if (this.#timer === undefined) this.#startTimer();
  }

  /** Gives what is not written yet, for the caller to write; undefined when there is nothing. */
  take(): TextPiece | undefined {
    this.#timer?.abort();
    this.#timer = undefined;
    if (this.#text === '') return undefined;
    const piece = { text: this.#text, tokens: this.#tokens };
    this.#text = '';
    return piece;
  }

  async #flush(): Promise<void> {
    const piece = this.take();
    if (piece !== undefined) await this.#write(piece);
  }

  #startTimer(): void {
    const timer = new AbortController();
    this.#timer = timer;
    this.#clock.sleep(maxWaitMs, timer.signal).then(
      () =>
        this.#flush().catch((error: unknown) => {
          this.#failure = { error };
        }),
      () => undefined,
    );
  }
}
