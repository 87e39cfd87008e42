/** Bytes of a page of guest memory, on every machine that runs here. */
export const pageBytes = 4096;
export const pagesPerMebibyte = 256;
/** Stands for a file that holds nothing but zeros. */
export const zeroFile = 0xffff_ffff;

/** Where a run of changed pages is kept: in consecutive slots of one file. */
export interface PageRun {
  /** Number of the first page in the memory of the guest. */
  readonly page: number;
  readonly count: number;
  /** Index in the list of files, or `zeroFile`. */
  readonly file: number;
  readonly slot: number;
}

/** Says of every page that differs from the template where its content is. Runs are in ascending order and do not overlap. */
export interface PageMap {
  readonly files: readonly string[];
  readonly runs: readonly PageRun[];
}

/** The map of a machine that is as its template. */
export const emptyPageMap: PageMap = { files: [], runs: [] };

const magic = 0x4d50_4242;
const headerWords = 3;
const wordsPerFile = 2;
const wordsPerRun = 4;
const prefix = 'pages-';

/** The name of a file with pages; the identity is 16 hexadecimal digits. */
export const toPageFileName = (identity: string): string => `${prefix}${identity}`;

/** Builds the runs of a map page by page, in ascending order. */
export class PageRuns {
  readonly #runs: { page: number; count: number; file: number; slot: number }[] = [];

  get all(): readonly PageRun[] {
    return this.#runs;
  }

  add({ page, count, file, slot: at }: PageRun): void {
    const slot = file === zeroFile ? 0 : at;
    const last = this.#runs.at(-1);
    const continues =
      last !== undefined &&
      last.file === file &&
      last.page + last.count === page &&
      (file === zeroFile || last.slot + last.count === slot);
    if (continues) last.count += count;
    else this.#runs.push({ page, count, file, slot });
  }
}

export function encodePageMap({ files, runs }: PageMap): Buffer {
  const words = new Uint32Array(headerWords + files.length * wordsPerFile + runs.length * wordsPerRun);
  words.set([magic, files.length, runs.length]);
  let at = headerWords;
  for (const name of files) {
    const identity = name.slice(prefix.length);
    words.set([Number.parseInt(identity.slice(0, 8), 16), Number.parseInt(identity.slice(8), 16)], at);
    at += wordsPerFile;
  }
  for (const { page, count, file, slot } of runs) {
    words.set([page, count, file, slot], at);
    at += wordsPerRun;
  }
  return Buffer.from(words.buffer);
}

/** Throws a plain error when it is not a page map of a memory with so many pages. */
export function decodePageMap(content: Uint8Array, pages: number): PageMap {
  const words = new Uint32Array(content.slice().buffer, 0, Math.floor(content.length / 4));
  const [found, fileCount = 0, runCount = 0] = words;
  const runsAt = headerWords + fileCount * wordsPerFile;
  if (found !== magic || content.length !== (runsAt + runCount * wordsPerRun) * 4)
    throw new Error('it is not a page map');
  const hex = (index: number): string => (words[index] ?? 0).toString(16).padStart(8, '0');
  const files = Array.from({ length: fileCount }, (_, index) => headerWords + index * wordsPerFile);
  return {
    files: files.map((at) => toPageFileName(`${hex(at)}${hex(at + 1)}`)),
    runs: decodeRuns(words.subarray(runsAt), fileCount, pages),
  };
}

function decodeRuns(words: Uint32Array, fileCount: number, pages: number): readonly PageRun[] {
  const runs: PageRun[] = [];
  let free = 0;
  for (let at = 0; at < words.length; at += wordsPerRun) {
    const [page = 0, count = 0, file = 0, slot = 0] = words.subarray(at, at + wordsPerRun);
    const isKnown = file === zeroFile || file < fileCount;
    if (count === 0 || page < free || page + count > pages || !isKnown)
      throw new Error(`the page map is wrong at page ${page}`);
    free = page + count;
    runs.push({ page, count, file, slot });
  }
  return runs;
}

/** The parts of `count` pages from `page` on that the map holds; the others are as in the template. */
export function* partsOf({ runs }: PageMap, page: number, count: number): Generator<PageRun> {
  const end = page + count;
  for (let index = firstEndingAfter(runs, page); index < runs.length; index += 1) {
    const run = runs[index];
    if (run === undefined || run.page >= end) return;
    const from = Math.max(run.page, page);
    const slot = run.file === zeroFile ? 0 : run.slot + from - run.page;
    yield { page: from, count: Math.min(run.page + run.count, end) - from, file: run.file, slot };
  }
}

function firstEndingAfter(runs: readonly PageRun[], page: number): number {
  let low = 0;
  let high = runs.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const run = runs[middle];
    if (run !== undefined && run.page + run.count <= page) low = middle + 1;
    else high = middle;
  }
  return low;
}
