const keptMs = 30_000;

/** Buffers of one size that are used again: memory that the system has to find first costs as much as the copying. */
export class PageBuffers {
  readonly #size: number;
  readonly #kept: number;
  #free: Buffer[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** So many are kept for half a minute after the last was given back. */
  constructor(size: number, kept: number) {
    this.#size = size;
    this.#kept = kept;
  }

  /** With whatever was in it before. */
  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(this.#size);
  }

  /** Takes back a buffer, or a part of one that begins where it begins. */
  give(buffer: Buffer): void {
    if (this.#free.length >= this.#kept) return;
    this.#free.push(Buffer.from(buffer.buffer, buffer.byteOffset, this.#size));
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => (this.#free = []), keptMs);
    this.#timer.unref();
  }
}
