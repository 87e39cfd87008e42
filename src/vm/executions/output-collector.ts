/** One stream of a program: decodes it, keeps its beginning up to a limit, and says what of it may still be shown. */
export class OutputCollector {
  readonly #limit: number;
  readonly #decoder = new TextDecoder();
  #kept = '';
  #bytes = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  get text(): string {
    return this.#kept;
  }

  get truncated(): boolean {
    return this.#bytes > this.#limit;
  }

  /** Takes the next bytes and gives the text that is new and within the limit, maybe empty. */
  add(bytes: Uint8Array): string {
    const room = Math.max(0, this.#limit - this.#bytes);
    this.#bytes += bytes.length;
    if (room === 0) return '';
    return this.#append(this.#decoder.decode(bytes.subarray(0, room), { stream: true }));
  }

  /** Gives what a cut character at the end leaves. */
  end(): string {
    return this.#append(this.truncated ? '' : this.#decoder.decode());
  }

  #append(text: string): string {
    this.#kept += text;
    return text;
  }
}
