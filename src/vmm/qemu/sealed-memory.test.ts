import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTemplateMemory } from './sealed-memory.ts';

test.each([true, false])(
  'memory (sealed: %s) is opened once more for each machine, and not after it was closed',
  async (seal) => {
    const directory = await mkdtemp(join(tmpdir(), 'bigbox-memory-'));
    try {
      const path = join(directory, 'memory');
      await writeFile(path, 'content of the memory');
      const memory = await openTemplateMemory(path, seal);
      const own = await memory.open();
      await memory.close();
      // Takes the number of the descriptor that was closed.
      const other = await open('/dev/null');
      expect((await own.readFile()).toString()).toBe('content of the memory');
      await expect(memory.open()).rejects.toThrow();
      await Promise.all([own.close(), other.close()]);
    } finally {
      await rm(directory, { recursive: true });
    }
  },
);
