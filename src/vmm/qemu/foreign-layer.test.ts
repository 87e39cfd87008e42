import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { assertPlainLayer } from './foreign-layer.ts';
import { writeEmptyLayer } from './overlay-disk.ts';

describe('assertPlainLayer()', () => {
  let directory: string;
  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'bigbox-layer-'))));
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test('takes a layer as this driver writes it', async () => {
    await writeEmptyLayer(join(directory, 'layer'), 1 << 20);
    await expect(assertPlainLayer(join(directory, 'layer'))).resolves.toBeUndefined();
  });

  test.each([
    ['a file below it', 15, 'was not written by this driver'],
    ['a file of data beside it', 79, 'was not written by this driver'],
    ['encryption', 35, 'was not written by this driver'],
    ['snapshots inside', 63, 'was not written by this driver'],
    ['another format', 0, 'is no disk layer'],
  ])('refuses one with %s', async (_what, at, message) => {
    const path = join(directory, 'layer');
    await writeEmptyLayer(path, 1 << 20);
    const file = await open(path, 'r+');
    await file.write(Buffer.of(4), 0, 1, at);
    await file.close();
    await expect(assertPlainLayer(path)).rejects.toThrow(message);
  });

  test('refuses what is too short to be one', async () => {
    await writeFile(join(directory, 'layer'), 'QFI');
    await expect(assertPlainLayer(join(directory, 'layer'))).rejects.toThrow('is no disk layer');
  });
});
