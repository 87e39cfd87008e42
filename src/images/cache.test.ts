import { mkdtemp, readFile, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureDirectory, exists } from './cache.ts';

let parent: string;
const { signal } = new AbortController();

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'bigbox-cache-'));
});

afterEach(() => rm(parent, { recursive: true }));

describe('ensureDirectory()', () => {
  test('builds once for all who ask at the same time', async () => {
    let builds = 0;
    const build = async (unfinished: string): Promise<void> => {
      builds += 1;
      await writeFile(join(unfinished, 'file'), 'built');
    };
    const path = join(parent, 'thing');
    await Promise.all([1, 2, 3].map(() => ensureDirectory(path, signal, build)));
    expect(builds).toBe(1);
    expect(await readFile(join(path, 'file'), 'utf8')).toBe('built');
    expect(await readdir(parent)).toEqual(['thing']);
  });

  test('shows nothing of a build that failed, and goes on where it stopped', async () => {
    const path = join(parent, 'thing');
    const broken = async (unfinished: string): Promise<void> => {
      await writeFile(join(unfinished, 'part'), 'done before');
      throw new Error('no power');
    };
    await expect(ensureDirectory(path, signal, broken)).rejects.toThrow('no power');
    expect(await exists(path)).toBe(false);
    await ensureDirectory(path, signal, async (unfinished) => {
      expect(await readFile(join(unfinished, 'part'), 'utf8')).toBe('done before');
    });
    expect(await exists(path)).toBe(true);
  });

  test('takes over the lock of a process that is gone', async () => {
    const path = join(parent, 'thing');
    // Larger than any process number.
    await writeFile(`${path}.lock`, '4194305');
    await ensureDirectory(path, signal, async () => undefined);
    expect(await exists(path)).toBe(true);
  });
});
