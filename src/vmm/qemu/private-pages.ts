import { readSync, writeSync } from 'node:fs';
import { open, readFile, stat, type FileHandle } from 'node:fs/promises';
import { pageBytes } from './page-map.ts';

const entryBytes = 8;
const entriesPerRead = 65_536;
/** Bits of an entry of /proc/PID/pagemap, in its upper half. */
const present = 1 << 31;
const swapped = 1 << 30;
const ofFile = 1 << 29;

/** A run of pages in the memory of the guest. */
export interface PageRange {
  readonly page: number;
  readonly count: number;
}

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

/** From here on a system call is worth a thread of its own. */
const longTransfer = 32 * pageBytes;

/**
 * The memory of a guest as its process maps it: privately over a file, so that pages which the guest changed are its own. Short
 * reads and writes block: callers let others in between.
 */
export class PrivateMemory {
  readonly #memory: FileHandle;
  readonly #mappings: readonly Mapping[];
  readonly #pages: FileHandle;

  private constructor(memory: FileHandle, pages: FileHandle, mappings: readonly Mapping[]) {
    this.#memory = memory;
    this.#pages = pages;
    this.#mappings = mappings;
  }

  /** Finds where the process maps the file that it has open under the descriptor, whole. Throws a plain error where it does not. */
  static async open(pid: number, descriptor: number, mode: 'r' | 'r+'): Promise<PrivateMemory> {
    const { ino, size } = await stat(`/proc/${pid}/fd/${descriptor}`);
    const mappings = parseMappings(await readFile(`/proc/${pid}/maps`, 'utf8'), ino);
    const mapped = mappings.reduce((sum, { start, end }) => sum + end - start, 0);
    if (mapped !== size) throw new Error(`the process maps ${mapped} of the ${size} bytes of the guest's memory`);
    const memory = await open(`/proc/${pid}/mem`, mode);
    try {
      return new PrivateMemory(memory, await open(`/proc/${pid}/pagemap`), mappings);
    } catch (error) {
      await memory.close();
      throw error;
    }
  }

  /** Runs of pages that are the process's own, in order. The guest must stand still. */
  async changed(): Promise<readonly PageRange[]> {
    const ranges: { page: number; count: number }[] = [];
    for (const { start, end, offset } of this.#mappings)
      for (let at = start; at < end; at += entriesPerRead * pageBytes) {
        const entries = new Uint32Array(Math.min(entriesPerRead, (end - at) / pageBytes) * 2);
        readFully(this.#pages.fd, new Uint8Array(entries.buffer), (at / pageBytes) * entryBytes);
        addChanged(ranges, entries, (offset + at - start) / pageBytes);
      }
    return ranges;
  }

  /** Fills the buffer with pages from `page` on. */
  async read(buffer: Uint8Array, page: number): Promise<void> {
    for (const { part, address } of this.#split(buffer, page))
      if (part.length < longTransfer) readFully(this.#memory.fd, part, address);
      else await readLong(this.#memory, part, address);
  }

  /** Gives the process pages of its own with this content, from `page` on. */
  write(buffer: Uint8Array, page: number): void {
    for (const { part, address } of this.#split(buffer, page)) writeFully(this.#memory.fd, part, address);
  }

  async close(): Promise<void> {
    await Promise.all([this.#memory.close(), this.#pages.close()]);
  }

  /** Where the parts of a buffer of pages are in the process. */
  *#split(buffer: Uint8Array, page: number): Generator<{ readonly part: Uint8Array; readonly address: number }> {
    for (let done = 0; done < buffer.length;) {
      const at = page * pageBytes + done;
      const mapping = this.#mappings.find(({ start, end, offset }) => at >= offset && at < offset + end - start);
      if (mapping === undefined) throw new Error(`no mapping holds page ${at / pageBytes}`);
      const address = mapping.start + at - mapping.offset;
      const part = buffer.subarray(done, done + mapping.end - address);
      yield { part, address };
      done += part.length;
    }
  }
}

async function readLong(file: FileHandle, buffer: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < buffer.length;) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) throw new Error(`a read came to an early end after ${done} bytes`);
    done += bytesRead;
  }
}

/** Fills the buffer. Throws a plain error at an early end. */
export function readFully(descriptor: number, buffer: Uint8Array, position: number): void {
  inParts(buffer, (rest, done) => readSync(descriptor, rest, 0, rest.length, position + done));
}

/** Writes the whole buffer. Throws a plain error when that cannot be. */
export function writeFully(descriptor: number, buffer: Uint8Array, position: number): void {
  inParts(buffer, (rest, done) => writeSync(descriptor, rest, 0, rest.length, position + done));
}

function inParts(buffer: Uint8Array, transfer: (rest: Uint8Array, done: number) => number): void {
  for (let done = 0; done < buffer.length;) {
    const count = transfer(buffer.subarray(done), done);
    if (count === 0) throw new Error(`a transfer came to an early end after ${done} bytes`);
    done += count;
  }
}

/** The private mappings of the file with this inode, as /proc/PID/maps lists them. */
export function parseMappings(maps: string, inode: number): readonly Mapping[] {
  const line = /^([0-9a-f]+)-([0-9a-f]+) ..?.p ([0-9a-f]+) \S+ (\d+)/gm;
  return [...maps.matchAll(line)]
    .filter(([, , , , found]) => Number(found) === inode)
    .map(([, start = '', end = '', offset = '']) => ({
      start: Number.parseInt(start, 16),
      end: Number.parseInt(end, 16),
      offset: Number.parseInt(offset, 16),
    }))
    .toSorted((left, right) => left.offset - right.offset);
}

function addChanged(ranges: { page: number; count: number }[], entries: Uint32Array, first: number): void {
  let last = ranges.at(-1);
  for (let index = 0; index < entries.length; index += 2) {
    const upper = entries[index + 1] ?? 0;
    const isOwn = (upper & swapped) !== 0 || ((upper & present) !== 0 && (upper & ofFile) === 0);
    if (!isOwn) continue;
    const page = first + index / 2;
    if (last !== undefined && last.page + last.count === page) last.count += 1;
    else ranges.push((last = { page, count: 1 }));
  }
}
