import { createHash, randomBytes } from 'node:crypto';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { toBatches } from './capture-memory.ts';
import { fileNames } from './command-line.ts';
import { KeptPages } from './kept-pages.ts';
import { encodePageMap, pageBytes, partsOf } from './page-map.ts';
import { PageWriter, type WrittenPages } from './page-writer.ts';

const pages = 256;

/** The memory of a guest as far as it differs from the template. */
type Memory = Map<number, Buffer>;

describe('PageWriter', () => {
  let directory: string;
  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'bigbox-pages-'))));
  afterEach(() => rm(directory, { recursive: true, force: true }));

  async function store(memory: Memory): Promise<WrittenPages> {
    const parent = await KeptPages.open(directory, pages);
    const writer = await PageWriter.create(directory, parent);
    try {
      const changed = [...memory.keys()].toSorted((left, right) => left - right).map((page) => ({ page, count: 1 }));
      for (const ranges of toBatches(changed, 7))
        await writer.append({ ranges, content: Buffer.concat(ranges.map(({ page }) => memory.get(page) ?? zeros)) });
      const written = await writer.finish();
      await writeFile(join(directory, fileNames.pageMap), encodePageMap(written.map));
      return written;
    } finally {
      await Promise.all([writer.close(), parent.close()]);
    }
  }

  async function load(): Promise<Memory> {
    const kept = await KeptPages.open(directory, pages);
    const memory: Memory = new Map();
    for (const part of partsOf(kept.map, 0, pages)) {
      const content = Buffer.alloc(part.count * pageBytes, 1);
      kept.read(part, content);
      for (let index = 0; index < part.count; index += 1)
        memory.set(part.page + index, content.subarray(index * pageBytes, (index + 1) * pageBytes));
    }
    await kept.close();
    return memory;
  }

  const fill = (memory: Memory, numbers: readonly number[]): void => {
    for (const page of numbers) memory.set(page, randomBytes(pageBytes));
  };

  test('stores what is new and gives everything back, however often that is done', async () => {
    const memory: Memory = new Map();
    fill(memory, [0, 1, 2, 9, 30, 31, 255]);
    memory.set(3, zeros);
    for (const changed of [[], [1, 31], [4, 5, 9], [0, 1, 2, 3], [255]]) {
      fill(memory, changed);
      const { added, map } = await store(memory);
      expect(added === undefined ? 0 : (await readFile(join(directory, added.name))).length / pageBytes).toBe(
        map.files.length === 1 && changed.length === 0 ? 7 : changed.length,
      );
      expect(await load()).toEqual(memory);
    }
  });

  test('adds no file where nothing has changed, and hashes the one that it adds', async () => {
    const memory: Memory = new Map();
    fill(memory, [7, 8]);
    const { added } = await store(memory);
    const content = await readFile(join(directory, added?.name ?? ''));
    expect(added?.hash).toBe(createHash('sha256').update(content).digest('hex'));
    const before = await readdir(directory);
    expect((await store(memory)).added).toBeUndefined();
    expect(await readdir(directory)).toEqual(before);
  });

  test('keeps the number of files that a map names within bounds', async () => {
    const memory: Memory = new Map();
    let most = 0;
    for (let round = 0; round < 80; round += 1) {
      fill(memory, [round, round + 1, round + 2]);
      most = Math.max(most, (await store(memory)).map.files.length);
    }
    expect(most).toBeLessThanOrEqual(33);
    expect(await load()).toEqual(memory);
  });

  test('refuses pages that are not in the file that should hold them', async () => {
    const memory: Memory = new Map();
    fill(memory, [1, 2]);
    const { added } = await store(memory);
    await writeFile(join(directory, added?.name ?? ''), Buffer.alloc(pageBytes));
    await expect(KeptPages.open(directory, pages)).rejects.toThrow('page 1 is not in the file');
  });
});

const zeros = Buffer.alloc(pageBytes);
