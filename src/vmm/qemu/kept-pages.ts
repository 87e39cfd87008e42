import { open, readFile, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { setImmediate as breathe } from 'node:timers/promises';
import { fileNames } from './command-line.ts';
import { decodePageMap, emptyPageMap, pageBytes, type PageMap, type PageRun, zeroFile } from './page-map.ts';
import { type PrivateMemory, readFully } from './private-pages.ts';

const pagesPerWrite = 256;
/** Others are let in after so many system calls or so much copying, counted in pages. */
const pagesPerTurn = 1024;
const callCost = 4;

/** The changed pages of a snapshot, opened for reading. */
export class KeptPages {
  readonly map: PageMap;
  readonly #files: readonly FileHandle[];

  private constructor(map: PageMap, files: readonly FileHandle[]) {
    this.map = map;
    this.#files = files;
  }

  /** Without a page map in the directory there are none. Throws a plain error when the map names pages that are not there. */
  static async open(directory: string, pages: number): Promise<KeptPages> {
    const map = await readMap(join(directory, fileNames.pageMap), pages);
    const files: FileHandle[] = [];
    try {
      for (const name of map.files) files.push(await open(join(directory, name)));
      const slots = await Promise.all(files.map(async (file) => (await file.stat()).size / pageBytes));
      const lost = map.runs.find(({ file, slot, count }) => file !== zeroFile && slot + count > (slots[file] ?? 0));
      if (lost !== undefined) throw new Error(`page ${lost.page} is not in the file that should hold it`);
      return new KeptPages(map, files);
    } catch (error) {
      await Promise.all(files.map((file) => file.close()));
      throw error;
    }
  }

  /** Blocks for as long as copying takes. */
  read({ file, slot }: PageRun, buffer: Uint8Array): void {
    const handle = this.#files[file];
    if (handle === undefined) buffer.fill(0);
    else readFully(handle.fd, buffer, slot * pageBytes);
  }

  /** Writes all of them into the memory of a process that has no guest yet. */
  async load(memory: PrivateMemory): Promise<void> {
    const buffer = Buffer.alloc(pagesPerWrite * pageBytes);
    let cost = 0;
    for (const run of this.map.runs)
      for (let done = 0; done < run.count; done += pagesPerWrite) {
        const part = buffer.subarray(0, Math.min(pagesPerWrite, run.count - done) * pageBytes);
        this.read({ ...run, slot: run.slot + done }, part);
        memory.write(part, run.page + done);
        cost += part.length / pageBytes + callCost;
        if (cost < pagesPerTurn) continue;
        await breathe();
        cost = 0;
      }
  }

  async close(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.close()));
  }
}

async function readMap(path: string, pages: number): Promise<PageMap> {
  try {
    return decodePageMap(await readFile(path), pages);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return emptyPageMap;
    throw error;
  }
}
