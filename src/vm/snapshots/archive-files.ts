import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { type FileHandle, open, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { TarFile } from '../../lib/tar.ts';
import type { MachineSpec } from '../../vmm/index.ts';

/** What a machine is made of, by the content. */
export interface ImageHashes {
  readonly kernel: string;
  readonly initramfs: string;
  readonly disk: string;
}

const checkEveryBytes = 64 << 20;
const zeros = Buffer.alloc(65_536);

/** The hashes of what a machine is made of. */
export async function hashImage({ kernel, initramfs, disk }: MachineSpec): Promise<ImageHashes> {
  const [kernelHash, initramfsHash, diskHash] = await Promise.all([kernel, initramfs, disk].map(hashFile));
  return { kernel: kernelHash ?? '', initramfs: initramfsHash ?? '', disk: diskHash ?? '' };
}

/** The files of a directory, in an archive below the name. */
export async function listFiles(directory: string, below: string): Promise<readonly TarFile[]> {
  const names = (await readdir(directory)).toSorted();
  return Promise.all(
    names.map(async (name) => {
      const path = join(directory, name);
      return { name: `${below}/${name}`, size: (await stat(path)).size, content: readLazily(path) };
    }),
  );
}

/** Writes a new file and puts it on the disk; chunks of zeros become holes. `assertRoom` is asked as it grows, and may throw. */
export async function writeSparseFile(directory: string, file: TarFile, assertRoom: () => void): Promise<void> {
  const handle = await open(join(directory, file.name), 'wx', 0o600);
  try {
    let at = 0;
    let unchecked = checkEveryBytes;
    for await (const chunk of file.content) {
      if (unchecked >= checkEveryBytes) {
        assertRoom();
        unchecked = 0;
      }
      if (!isZero(chunk)) {
        await writeAt(handle, chunk, at);
        unchecked += chunk.length;
      }
      at += chunk.length;
    }
    await handle.truncate(at);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function isZero(chunk: Uint8Array): boolean {
  const bytes = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
  for (let at = 0; at < bytes.length; at += zeros.length) {
    const part = bytes.subarray(at, at + zeros.length);
    if (!part.equals(zeros.subarray(0, part.length))) return false;
  }
  return true;
}

async function writeAt(handle: FileHandle, chunk: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < chunk.length;) {
    const { bytesWritten } = await handle.write(chunk, done, chunk.length - done, position + done);
    done += bytesWritten;
  }
}

/** A file that is opened when it is read. */
async function* readLazily(path: string): AsyncGenerator<Uint8Array> {
  yield* createReadStream(path, { highWaterMark: 1 << 20 }) as AsyncIterable<Uint8Array>;
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
