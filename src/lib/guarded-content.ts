/**
 * Content on its way through a call. Where it breaks, its signal aborts: the call would else end as if what came was all of it, or tell
 * of the break in words of its own.
 */
export class GuardedContent implements AsyncIterable<Uint8Array> {
  readonly #source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>;
  readonly #check: (bytes: number) => void;
  readonly #broken = new AbortController();
  #fault: { readonly cause: unknown } | undefined;
  #bytes = 0;

  /** Read once. The check gets the number of bytes so far, and breaks the content by throwing. */
  constructor(
    source: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    check: (bytes: number) => void = () => undefined,
  ) {
    this.#source = source;
    this.#check = check;
  }

  get signal(): AbortSignal {
    return this.#broken.signal;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get isBroken(): boolean {
    return this.#fault !== undefined;
  }

  /** Throws what broke the content, as it was. */
  assertWhole(): void {
    if (this.#fault !== undefined) throw this.#fault.cause;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    try {
      for await (const data of this.#source) {
        this.#bytes += data.length;
        this.#check(this.#bytes);
        yield data;
      }
    } catch (cause) {
      this.#fault = { cause };
      this.#broken.abort();
      throw cause;
    }
  }
}
