import type { Readable } from 'node:stream';

/** However little a guest writes at a time, so often its output is looked at. */
const pauseMs = 20;

/** The newest bytes of a stream, in a memory of fixed size. */
export class ByteTail {
  readonly #limit: number;
  #ring: Buffer = Buffer.alloc(0);
  #end = 0;

  constructor(limitBytes: number) {
    this.#limit = limitBytes;
  }

  add(bytes: Buffer): void {
    if (this.#ring.length === 0) this.#ring = Buffer.alloc(this.#limit);
    const kept = bytes.subarray(Math.max(0, bytes.length - this.#limit));
    this.#end += bytes.length - kept.length;
    const at = this.#end % this.#limit;
    const untilWrap = kept.copy(this.#ring, at);
    kept.copy(this.#ring, 0, untilWrap);
    this.#end += kept.length;
  }

  toString(): string {
    if (this.#end <= this.#limit) return this.#ring.toString('utf8', 0, this.#end);
    const at = this.#end % this.#limit;
    return Buffer.concat([this.#ring.subarray(at), this.#ring.subarray(0, at)]).toString('utf8');
  }
}

/**
 * Keeps the end of what a guest or its VMM writes without end, byte by byte, and leaves the processor to others: the stream is read
 * now and then, and whoever writes faster waits or loses. `hurry` reads the rest at once, when nobody writes any more.
 */
export function keepTail(
  stream: Readable,
  limitBytes: number,
): { readonly tail: ByteTail; readonly hurry: () => void } {
  const tail = new ByteTail(limitBytes);
  let isLast = false;
  stream.on('error', () => undefined);
  stream.on('data', (chunk: Buffer) => {
    tail.add(chunk);
    if (isLast) return;
    stream.pause();
    setTimeout(() => stream.resume(), pauseMs).unref();
  });
  const hurry = (): void => {
    isLast = true;
    stream.resume();
  };
  return { tail, hurry };
}
