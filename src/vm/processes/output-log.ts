import { orphanedBytes, unfinishedBytes } from './character-boundary.ts';

export type OutputStream = 'stdout' | 'stderr';

/** Bytes of one stream at a position in the output of both together. */
export interface OutputPiece {
  readonly stream: OutputStream;
  readonly offset: number;
  readonly data: Uint8Array;
}

/** Small writes are gathered into pieces of this size. */
const gatherBytes = 4096;
/** Bounds the cost of output that alternates between the streams byte by byte. */
const maxPieces = 4096;
const nothing = new Uint8Array();

/**
 * The newest output of one program, both streams in the order of their arrival. Where more comes than is kept, the oldest goes: the
 * end of a log says why a program failed, and whoever follows it live has seen the rest. Pieces begin and end with whole UTF-8
 * characters, so the start of one waits here until its rest has come.
 */
export class OutputLog {
  readonly #limit: number;
  readonly #pieces: OutputPiece[] = [];
  readonly #unfinished: Record<OutputStream, Uint8Array> = { stdout: nothing, stderr: nothing };
  readonly #bytes: Record<OutputStream, number>;
  #end: number;

  /** Keeps so many bytes, at least 4; goes on behind what was there before. */
  constructor(limitBytes: number, before: Readonly<Record<OutputStream, number>> = { stdout: 0, stderr: 0 }) {
    this.#limit = limitBytes;
    this.#bytes = { ...before };
    this.#end = before.stdout + before.stderr;
  }

  /** Bytes that each stream wrote so far. */
  get bytes(): Readonly<Record<OutputStream, number>> {
    return this.#bytes;
  }

  /** Position of the oldest byte that is kept, which is also the number of bytes dropped. */
  get first(): number {
    return this.#pieces[0]?.offset ?? this.#end;
  }

  /** Position behind the newest byte that may be read. */
  get end(): number {
    return this.#end;
  }

  add(stream: OutputStream, data: Uint8Array): void {
    this.#bytes[stream] += data.length;
    const before = this.#unfinished[stream];
    const all = join(before, data);
    const whole = all.length - unfinishedBytes(all);
    this.#unfinished[stream] = all.slice(whole);
    this.#append(stream, all.subarray(0, whole));
  }

  /** Takes what characters that were cut off leave: nothing more will come. */
  finish(): void {
    for (const stream of ['stdout', 'stderr'] as const) {
      this.#append(stream, this.#unfinished[stream]);
      this.#unfinished[stream] = nothing;
    }
  }

  /** The piece at a position, or the oldest one where output at this position is gone; undefined where none has come yet. */
  read(offset: number): OutputPiece | undefined {
    const piece = this.#pieces[this.#indexOf(offset)];
    if (piece === undefined || offset <= piece.offset) return piece;
    return { stream: piece.stream, offset, data: piece.data.subarray(offset - piece.offset) };
  }

  /** What is kept of one stream, as text. */
  text(stream: OutputStream): string {
    const parts = this.#pieces.filter((piece) => piece.stream === stream);
    return Buffer.concat(parts.map(({ data }) => data)).toString('utf8');
  }

  #append(stream: OutputStream, data: Uint8Array): void {
    if (data.length === 0) return;
    const last = this.#pieces.at(-1);
    if (last !== undefined && last.stream === stream && last.data.length + data.length <= gatherBytes)
      this.#pieces[this.#pieces.length - 1] = { ...last, data: join(last.data, data) };
    else this.#pieces.push({ stream, offset: this.#end, data });
    this.#end += data.length;
    this.#forget();
  }

  #forget(): void {
    const oldest = this.#end - this.#limit;
    let gone = Math.max(0, this.#pieces.length - maxPieces);
    while (endOf(this.#pieces[gone]) <= oldest) gone += 1;
    this.#pieces.splice(0, gone);
    const [piece] = this.#pieces;
    if (piece === undefined || piece.offset >= oldest) return;
    const rest = piece.data.subarray(oldest - piece.offset);
    const data = rest.subarray(orphanedBytes(rest));
    this.#pieces[0] = { stream: piece.stream, offset: endOf(piece) - data.length, data };
  }

  /** Index of the first piece that ends behind a position. */
  #indexOf(offset: number): number {
    let low = 0;
    let high = this.#pieces.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (endOf(this.#pieces[middle]) <= offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** A copy that holds on to nothing else, unlike a view of what was received. */
function join(first: Uint8Array, second: Uint8Array): Uint8Array {
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

const endOf = (piece: OutputPiece | undefined): number =>
  piece === undefined ? Number.POSITIVE_INFINITY : piece.offset + piece.data.length;
