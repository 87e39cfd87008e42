import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { PassThrough, type Readable, type Transform } from 'node:stream';
import { createInflateRaw } from 'node:zlib';

/** One file inside an archive: where its packed bytes begin and how they are packed. */
export interface ZipEntry {
  readonly path: string;
  readonly method: 'stored' | 'deflated';
  readonly start: number;
  readonly packedBytes: number;
  readonly bytes: number;
}

const endSignature = 0x06_05_4b_50;
const centralSignature = 0x02_01_4b_50;
const localSignature = 0x04_03_4b_50;
const endSize = 22;
const centralSize = 46;
const localSize = 30;
const largestTail = 65_557;

async function readAt(file: FileHandle, start: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, start);
  if (bytesRead !== length) throw new Error('the archive is cut short');
  return buffer;
}

/** The central directory: the list of all entries at the end of the archive. */
async function readDirectory(file: FileHandle): Promise<Buffer> {
  const { size } = await file.stat();
  const tail = await readAt(file, Math.max(0, size - largestTail), Math.min(size, largestTail));
  for (let at = tail.length - endSize; at >= 0; at -= 1) {
    if (tail.readUInt32LE(at) !== endSignature) continue;
    return readAt(file, tail.readUInt32LE(at + 16), tail.readUInt32LE(at + 12));
  }
  throw new Error('the file is no zip archive');
}

function* parseDirectory(directory: Buffer): Generator<ZipEntry & { readonly headerAt: number }> {
  for (let at = 0; at + centralSize <= directory.length;) {
    if (directory.readUInt32LE(at) !== centralSignature) throw new Error('the list of the archive is damaged');
    const method = directory.readUInt16LE(at + 10);
    const nameLength = directory.readUInt16LE(at + 28);
    if (method !== 0 && method !== 8) throw new Error(`the archive packs by method ${method}, expected 0 or 8`);
    yield {
      path: directory.toString('utf8', at + centralSize, at + centralSize + nameLength),
      method: method === 0 ? 'stored' : 'deflated',
      packedBytes: directory.readUInt32LE(at + 20),
      bytes: directory.readUInt32LE(at + 24),
      start: 0,
      headerAt: directory.readUInt32LE(at + 42),
    };
    at += centralSize + nameLength + directory.readUInt16LE(at + 30) + directory.readUInt16LE(at + 32);
  }
}

/**
 * Finds the one entry whose path `matches` accepts. Reads the list of the archive only; archives over 4 GiB are not known.
 * Throws when there is none or the archive is damaged.
 */
export async function findZipEntry(archive: string, matches: (path: string) => boolean): Promise<ZipEntry> {
  const file = await open(archive, 'r');
  try {
    for (const { headerAt, ...entry } of parseDirectory(await readDirectory(file))) {
      if (!matches(entry.path)) continue;
      const header = await readAt(file, headerAt, localSize);
      if (header.readUInt32LE(0) !== localSignature) throw new Error(`the entry ${entry.path} is damaged`);
      return { ...entry, start: headerAt + localSize + header.readUInt16LE(26) + header.readUInt16LE(28) };
    }
    throw new Error('the archive does not hold the expected file');
  } finally {
    await file.close();
  }
}

/** The streams that give an entry's bytes, for the head of a pipeline. */
export function readZipEntry(archive: string, entry: ZipEntry): readonly [Readable, Transform] {
  const packed = createReadStream(archive, { start: entry.start, end: entry.start + entry.packedBytes - 1 });
  return [packed, entry.method === 'stored' ? new PassThrough() : createInflateRaw()];
}
