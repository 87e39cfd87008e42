import { open, type FileHandle } from 'node:fs/promises';
import { gapsBetween, type PageRange, PrivateMemory, readFully } from './private-pages.ts';

const mebibyte = 1024 * 1024;
const zeroRun = 65_536;
const zeros = Buffer.alloc(zeroRun);

/** What the pages of a standing guest leave to do once it runs again. */
export interface MemoryCapture {
  /** Adds the pages that the guest never changed. */
  complete(): Promise<void>;
  /** Lets go of what is kept for `complete`, which has been called or never will be. */
  close(): Promise<void>;
}

/**
 * Writes the pages that a standing guest changed to a new file. The others are those of the file that the process maps, which nobody
 * changes: they are added by `complete`, when the guest runs again.
 */
export async function captureMemory(pid: number, descriptor: number, path: string): Promise<MemoryCapture> {
  const base = await open(`/proc/${pid}/fd/${descriptor}`);
  try {
    const { ino, size } = await base.stat();
    const target = await open(path, 'wx', 0o600);
    try {
      await target.truncate(size);
      const changed = await copyChanged(await PrivateMemory.open(pid, ino, size), target);
      return new UnchangedPages(base, target, gapsBetween(changed, size));
    } catch (error) {
      await target.close();
      throw error;
    }
  } catch (error) {
    await base.close();
    throw error;
  }
}

class UnchangedPages implements MemoryCapture {
  readonly #base: FileHandle;
  readonly #target: FileHandle;
  readonly #gaps: readonly PageRange[];

  constructor(base: FileHandle, target: FileHandle, gaps: readonly PageRange[]) {
    this.#base = base;
    this.#target = target;
    this.#gaps = gaps;
  }

  async complete(): Promise<void> {
    await copyRanges(this.#gaps, this.#target, (buffer, offset) => readFully(this.#base, buffer, offset));
    await this.#target.sync();
  }

  async close(): Promise<void> {
    await Promise.all([this.#base.close(), this.#target.close()]);
  }
}

async function copyChanged(memory: PrivateMemory, target: FileHandle): Promise<readonly PageRange[]> {
  try {
    const changed = await memory.changed();
    await copyRanges(changed, target, (buffer, offset) => memory.read(buffer, offset));
    return changed;
  } finally {
    await memory.close();
  }
}

type Read = (buffer: Uint8Array, offset: number) => Promise<void>;

/** Long runs of zeros become holes. */
async function copyRanges(ranges: readonly PageRange[], target: FileHandle, read: Read): Promise<void> {
  const buffer = Buffer.alloc(mebibyte);
  for (const { offset, length } of ranges)
    for (let done = 0; done < length; done += mebibyte) {
      const part = buffer.subarray(0, Math.min(mebibyte, length - done));
      await read(part, offset + done);
      await writeWithHoles(target, part, offset + done);
    }
}

async function writeWithHoles(target: FileHandle, part: Buffer, offset: number): Promise<void> {
  let from = 0;
  for (let at = 0; at <= part.length; at += zeroRun) {
    const run = part.subarray(at, at + zeroRun);
    if (run.length > 0 && !run.equals(zeros.subarray(0, run.length))) continue;
    await writeFully(target, part.subarray(from, at), offset + from);
    from = at + zeroRun;
  }
  await writeFully(target, part.subarray(from), offset + from);
}

async function writeFully(target: FileHandle, part: Buffer, offset: number): Promise<void> {
  for (let done = 0; done < part.length;) {
    const { bytesWritten } = await target.write(part, done, part.length - done, offset + done);
    done += bytesWritten;
  }
}
