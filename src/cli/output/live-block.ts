/** A stream that lines are written to; a terminal tells its width. */
export interface LineStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** Lines at the end of a terminal that are written anew while their content changes, above them lines that stay. */
export class LiveBlock {
  readonly #stream: LineStream;
  #height = 0;

  constructor(stream: LineStream) {
    this.#stream = stream;
  }

  /** Whether lines can be written anew; without a terminal only `keep` writes. */
  get isLive(): boolean {
    return this.#stream.isTTY === true;
  }

  /** Shows these lines in place of the last shown ones. */
  show(lines: readonly string[]): void {
    if (!this.isLive) return;
    const width = Math.max(20, (this.#stream.columns ?? 80) - 1);
    const cut = lines.map((line) => (line.length > width ? `${line.slice(0, width - 1)}…` : line));
    this.#stream.write(this.#up() + cut.map((line) => `${line}\n`).join(''));
    this.#height = cut.length;
  }

  /** Writes lines that stay, above the block, which is gone until the next `show`. */
  keep(...lines: readonly string[]): void {
    this.#stream.write(this.#up() + lines.map((line) => `${line}\n`).join(''));
    this.#height = 0;
  }

  #up(): string {
    return this.#height > 0 ? `\u001B[${this.#height}A\u001B[J` : '';
  }
}
