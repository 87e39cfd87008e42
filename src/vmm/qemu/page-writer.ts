import { createHash, randomBytes } from 'node:crypto';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import type { KeptPages } from './kept-pages.ts';
import { type PageMap, type PageRun, PageRuns, pageBytes, partsOf, toPageFileName, zeroFile } from './page-map.ts';
import { type PageRange, writeFully } from './private-pages.ts';

/** Pages that were copied while the guest stood still: runs in ascending order, and their content, one behind the other. */
export interface PageBatch {
  readonly ranges: readonly PageRange[];
  readonly content: Buffer;
}

/** What a writer has made. */
export interface WrittenPages {
  readonly map: PageMap;
  /** The file that was added and its hash; absent where no page has changed. */
  readonly added?: { readonly name: string; readonly hash: string };
}

const zeroPage = Buffer.alloc(pageBytes);
const buffersPerWrite = 512;
/** A map that names more files has the pages of half of them written anew, those of which the fewest are left. */
const maxFiles = 32;

/** Writes a file with the pages of a machine that are neither zero nor as in its last snapshot, and a map of all its pages. */
export class PageWriter {
  readonly #directory: string;
  readonly #parent: KeptPages;
  readonly #name: string;
  readonly #file: FileHandle;
  readonly #hash = createHash('sha256');
  readonly #runs = new PageRuns();
  readonly #rewritten: ReadonlySet<number>;
  #slots = 0;
  #pending: Buffer[] = [];

  private constructor(
    directory: string,
    { parent, file, name }: { parent: KeptPages; file: FileHandle; name: string },
  ) {
    this.#directory = directory;
    this.#parent = parent;
    this.#file = file;
    this.#name = name;
    this.#rewritten = chooseRewritten(parent.map);
  }

  /** The parent stays open until the writer is closed; both belong to the caller. */
  static async create(directory: string, parent: KeptPages): Promise<PageWriter> {
    const name = toPageFileName(randomBytes(8).toString('hex'));
    return new PageWriter(directory, { parent, name, file: await open(join(directory, name), 'wx', 0o600) });
  }

  /** Batches come in ascending order. */
  async append({ ranges, content }: PageBatch): Promise<void> {
    let at = 0;
    for (const { page, count } of ranges) {
      const bytes = content.subarray(at, at + count * pageBytes);
      const of = (first: number, end: number): Buffer =>
        bytes.subarray((first - page) * pageBytes, (end - page) * pageBytes);
      let next = page;
      for (const part of partsOf(this.#parent.map, page, count)) {
        this.#add(next, of(next, part.page));
        next = part.page + part.count;
        this.#compare(part, of(part.page, next));
      }
      this.#add(next, of(next, page + count));
      at += bytes.length;
    }
    await this.#flush();
    await breathe();
  }

  /** Puts everything on the disk. Files that no page is in any more are left out of the map. */
  async finish(): Promise<WrittenPages> {
    const all = [...this.#parent.map.files, this.#name];
    const used = new Set(this.#runs.all.map(({ file }) => file));
    const kept = all.map((_, index) => index).filter((index) => used.has(index));
    const renumbered = new Map(kept.map((index, place) => [index, place]));
    const runs = this.#runs.all.map((run) => ({ ...run, file: renumbered.get(run.file) ?? zeroFile }));
    const map = { files: kept.map((index) => all[index] ?? ''), runs };
    if (this.#slots === 0) {
      await rm(join(this.#directory, this.#name));
      return { map };
    }
    await this.#file.sync();
    return { map, added: { name: this.#name, hash: this.#hash.digest('hex') } };
  }

  close(): Promise<void> {
    return this.#file.close();
  }

  #compare(part: PageRun, bytes: Buffer): void {
    if (this.#rewritten.has(part.file)) return this.#add(part.page, bytes);
    const known = Buffer.allocUnsafe(bytes.length);
    this.#parent.read(part, known);
    const isKnown = (from: number, to: number): boolean => known.compare(bytes, from, to, from, to) === 0;
    for (const { page, count, isSo } of stretches(bytes, isKnown))
      if (isSo) this.#runs.add({ page: part.page + page, count, file: part.file, slot: part.slot + page });
      else this.#add(part.page + page, bytes.subarray(page * pageBytes, (page + count) * pageBytes));
    return undefined;
  }

  #add(first: number, bytes: Buffer): void {
    const isZero = (from: number, to: number): boolean => bytes.compare(zeroPage, 0, pageBytes, from, to) === 0;
    for (const { page, count, isSo } of stretches(bytes, isZero)) {
      const file = isSo ? zeroFile : this.#parent.map.files.length;
      this.#runs.add({ page: first + page, count, file, slot: this.#slots });
      if (isSo) continue;
      this.#slots += count;
      this.#pending.push(bytes.subarray(page * pageBytes, (page + count) * pageBytes));
    }
  }

  async #flush(): Promise<void> {
    const pending = this.#pending;
    this.#pending = [];
    let position = this.#slots * pageBytes - sizeOf(pending);
    for (let at = 0; at < pending.length; at += buffersPerWrite) {
      const buffers = pending.slice(at, at + buffersPerWrite);
      for (const buffer of buffers) this.#hash.update(buffer);
      const { bytesWritten } = await this.#file.writev(buffers, position);
      // A disk that has become full cuts a write short first, and says why at the next.
      if (bytesWritten < sizeOf(buffers)) {
        const rest = Buffer.concat(buffers).subarray(bytesWritten);
        writeFully(this.#file.fd, rest, position + bytesWritten);
      }
      position += sizeOf(buffers);
    }
  }
}

interface Stretch {
  readonly page: number;
  readonly count: number;
  readonly isSo: boolean;
}

/** Divides pages into stretches that are so, or not. */
function* stretches(bytes: Buffer, check: (from: number, to: number) => boolean): Generator<Stretch> {
  const pages = bytes.length / pageBytes;
  let start = 0;
  let isSo = false;
  for (let page = 0; page < pages; page += 1) {
    const next = check(page * pageBytes, (page + 1) * pageBytes);
    if (page > start && next !== isSo) {
      yield { page: start, count: page - start, isSo };
      start = page;
    }
    isSo = next;
  }
  if (pages > start) yield { page: start, count: pages - start, isSo };
}

const sizeOf = (buffers: readonly Buffer[]): number => buffers.reduce((sum, { length }) => sum + length, 0);

function chooseRewritten({ files, runs }: PageMap): ReadonlySet<number> {
  if (files.length < maxFiles) return new Set();
  const pages = files.map(() => 0);
  for (const { file, count } of runs) if (file !== zeroFile) pages[file] = (pages[file] ?? 0) + count;
  const byUse = pages.map((count, file) => ({ count, file })).toSorted((left, right) => left.count - right.count);
  return new Set(byUse.slice(0, maxFiles / 2).map(({ file }) => file));
}
