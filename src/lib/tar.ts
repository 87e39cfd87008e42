import { BigboxError } from '../contracts/errors.ts';

const blockBytes = 512;
const fieldOf = {
  name: [0, 100],
  size: [124, 136],
  checksum: [148, 156],
  type: [156, 157],
  magic: [257, 262],
  prefix: [345, 500],
} as const;
type Field = keyof typeof fieldOf;

/** A plain file in an archive: a name without folders that lead out of it, and exactly `size` bytes. */
export interface TarFile {
  readonly name: string;
  readonly size: number;
  readonly content: AsyncIterable<Uint8Array>;
}

/** Writes plain files in the ustar format, which every tar reads. Names have at most 100 bytes. */
export async function* packTar(files: Iterable<TarFile>): AsyncGenerator<Uint8Array> {
  for (const { name, size, content } of files) {
    yield toHeader(name, size);
    let written = 0;
    for await (const chunk of content) {
      written += chunk.length;
      yield chunk;
    }
    if (written !== size) throw new Error(`${name} has ${written} bytes, not ${size}`);
    yield Buffer.alloc(paddingOf(size));
  }
  yield Buffer.alloc(2 * blockBytes);
}

/**
 * Reads an archive of plain files; each is read to its end before the next. Throws INVALID_REQUEST for anything else in it: folders,
 * links, devices, names of more than 100 bytes, a wrong sum, an early end.
 */
export async function* unpackTar(archive: AsyncIterable<Uint8Array>): AsyncGenerator<TarFile> {
  const source = new ByteSource(archive);
  for (;;) {
    const header = await source.take(blockBytes);
    if (header.every((byte) => byte === 0)) return;
    const { name, size } = readHeader(header);
    const content = source.part(size);
    yield { name, size, content };
    for await (const _ of content);
    await source.take(paddingOf(size));
  }
}

const paddingOf = (size: number): number => (blockBytes - (size % blockBytes)) % blockBytes;

function toHeader(name: string, size: number): Buffer {
  const header = Buffer.alloc(blockBytes);
  if (Buffer.byteLength(name) > 100) throw new Error(`${name} is too long for an archive`);
  header.write(name, 0);
  header.write('0000600\0' + '0000000\0' + '0000000\0', 100, 'latin1');
  writeSize(header, size);
  header.write('00000000000\0', 136, 'latin1');
  header.write('0', 156, 'latin1');
  header.write('ustar\0' + '00', 257, 'latin1');
  header.write(`${sumOf(header).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return header;
}

/** From 8 GiB on in binary, as GNU tar does. */
function writeSize(header: Buffer, size: number): void {
  const text = size.toString(8).padStart(11, '0');
  if (text.length === 11) return void header.write(`${text}\0`, 124, 'latin1');
  header.writeUInt8(0x80, 124);
  header.writeBigUInt64BE(BigInt(size), 128);
}

function readHeader(header: Buffer): { readonly name: string; readonly size: number } {
  const field = (name: Field): string => header.toString('latin1', ...fieldOf[name]).split('\0', 1)[0] ?? '';
  if (field('magic') !== 'ustar') throw invalid('it is not a tar archive');
  if (Number.parseInt(field('checksum').trim(), 8) !== sumOf(header)) throw invalid('a header has a wrong sum');
  const name = field('name');
  if (!['0', ''].includes(field('type')) || field('prefix') !== '')
    throw invalid(`${JSON.stringify(name)} is not a plain file with a short name`);
  const isBinary = (header[124] ?? 0) === 0x80;
  const size = isBinary ? Number(header.readBigUInt64BE(128)) : Number.parseInt(field('size').trim() || '0', 8);
  if (!Number.isSafeInteger(size) || size < 0) throw invalid(`${JSON.stringify(name)} has no size`);
  return { name, size };
}

/** The sum of a header, whose own field counts as blanks. */
function sumOf(header: Buffer): number {
  const [from, to] = fieldOf.checksum;
  return header.reduce((sum, byte, index) => sum + (index >= from && index < to ? 0x20 : byte), 0);
}

/** Gives the bytes of a stream in the amounts that are asked for. */
class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(stream: AsyncIterable<Uint8Array>) {
    this.#chunks = stream[Symbol.asyncIterator]();
  }

  async take(count: number): Promise<Buffer> {
    const parts: Uint8Array[] = [];
    for await (const part of this.part(count)) parts.push(part);
    return Buffer.concat(parts);
  }

  async *part(count: number): AsyncGenerator<Uint8Array> {
    for (let left = count; left > 0;) {
      if (this.#rest.length === 0) await this.#next();
      const chunk = this.#rest.subarray(0, left);
      this.#rest = this.#rest.subarray(chunk.length);
      left -= chunk.length;
      yield chunk;
    }
  }

  async #next(): Promise<void> {
    const { value, done } = await this.#chunks.next();
    if (done === true) throw invalid('it ends early');
    this.#rest = value;
  }
}

const invalid = (reason: string): BigboxError =>
  new BigboxError('INVALID_REQUEST', { message: `The archive cannot be read: ${reason}.` });
