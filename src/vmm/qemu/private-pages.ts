import { open, readFile, type FileHandle } from 'node:fs/promises';

const pageBytes = 4096;
const entryBytes = 8;
const entriesPerRead = 65_536;
/** Bits of an entry of /proc/PID/pagemap, in its upper half. */
const present = 1 << 31;
const swapped = 1 << 30;
const ofFile = 1 << 29;

/** A run of pages: where it begins in the memory of the guest, and how long it is. */
export interface PageRange {
  readonly offset: number;
  readonly length: number;
}

interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly offset: number;
}

/** The memory of a guest as its process maps it: privately over a file, so that pages which the guest changed are its own. */
export class PrivateMemory {
  readonly #memory: FileHandle;
  readonly #mappings: readonly Mapping[];
  readonly #pages: FileHandle;

  private constructor(memory: FileHandle, pages: FileHandle, mappings: readonly Mapping[]) {
    this.#memory = memory;
    this.#pages = pages;
    this.#mappings = mappings;
  }

  /** Finds where the process maps the file of this inode, all `bytes` of it. Throws a plain error where it does not. */
  static async open(pid: number, inode: number, bytes: number): Promise<PrivateMemory> {
    const mappings = parseMappings(await readFile(`/proc/${pid}/maps`, 'utf8'), inode);
    const mapped = mappings.reduce((sum, { start, end }) => sum + end - start, 0);
    if (mapped !== bytes) throw new Error(`the process maps ${mapped} of the ${bytes} bytes of the guest's memory`);
    const memory = await open(`/proc/${pid}/mem`);
    try {
      return new PrivateMemory(memory, await open(`/proc/${pid}/pagemap`), mappings);
    } catch (error) {
      await memory.close();
      throw error;
    }
  }

  /** Runs of pages that the guest changed, in order. The guest must stand still. */
  async changed(): Promise<readonly PageRange[]> {
    const ranges: { offset: number; length: number }[] = [];
    for (const { start, end, offset } of this.#mappings)
      for (let at = start; at < end; at += entriesPerRead * pageBytes) {
        const pages = Math.min(entriesPerRead, (end - at) / pageBytes);
        addChanged(ranges, await this.#entries(at, pages), offset + at - start);
      }
    return ranges;
  }

  /** Reads a part of the guest's memory; it may not reach over the end of a mapping. */
  async read(buffer: Uint8Array, offset: number): Promise<void> {
    const mapping = this.#mappings.find((one) => offset >= one.offset && offset < one.offset + one.end - one.start);
    if (mapping === undefined) throw new Error(`no mapping holds ${offset}`);
    await readFully(this.#memory, buffer, mapping.start + offset - mapping.offset);
  }

  async close(): Promise<void> {
    await Promise.all([this.#memory.close(), this.#pages.close()]);
  }

  async #entries(address: number, pages: number): Promise<DataView> {
    const bytes = new Uint8Array(pages * entryBytes);
    await readFully(this.#pages, bytes, (address / pageBytes) * entryBytes);
    return new DataView(bytes.buffer);
  }
}

/** Reads until the buffer is full. Throws a plain error at an early end. */
export async function readFully(file: FileHandle, buffer: Uint8Array, position: number): Promise<void> {
  for (let done = 0; done < buffer.length;) {
    const { bytesRead } = await file.read(buffer, done, buffer.length - done, position + done);
    if (bytesRead === 0) throw new Error(`a read at ${position + done} came to an early end`);
    done += bytesRead;
  }
}

/** The parts of a memory of `bytes` that the ranges leave out. */
export function gapsBetween(ranges: readonly PageRange[], bytes: number): readonly PageRange[] {
  const gaps: PageRange[] = [];
  let offset = 0;
  for (const range of [...ranges, { offset: bytes, length: 0 }]) {
    if (range.offset > offset) gaps.push({ offset, length: range.offset - offset });
    offset = range.offset + range.length;
  }
  return gaps;
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

function addChanged(ranges: { offset: number; length: number }[], entries: DataView, offset: number): void {
  for (let page = 0; page < entries.byteLength / entryBytes; page += 1) {
    const upper = entries.getInt32(page * entryBytes + 4, true);
    const isOwn = (upper & swapped) !== 0 || ((upper & present) !== 0 && (upper & ofFile) === 0);
    if (!isOwn) continue;
    const at = offset + page * pageBytes;
    const last = ranges.at(-1);
    if (last !== undefined && last.offset + last.length === at) last.length += pageBytes;
    else ranges.push({ offset: at, length: pageBytes });
  }
}
