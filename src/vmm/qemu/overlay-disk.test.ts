import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { writeEmptyLayer } from './overlay-disk.ts';

describe('writeEmptyLayer()', () => {
  let directory: string;
  beforeEach(async () => void (directory = await mkdtemp(join(tmpdir(), 'bigbox-layer-'))));
  afterEach(() => rm(directory, { recursive: true, force: true }));

  test.each([1 << 20, 512 * 2 ** 20, 5 * 2 ** 30 + 512])('names no file below it and has the size %d', async (size) => {
    const path = join(directory, 'layer');
    await writeEmptyLayer(path, size);
    const header = await readFile(path);
    expect(header.subarray(0, 4).toString('latin1')).toBe('QFI\u00fb');
    expect(header.readBigUInt64BE(8)).toBe(0n);
    expect(header.readBigUInt64BE(24)).toBe(BigInt(size));
    expect(header.length).toBe(4 << 16);
  });

  test('does not overwrite a layer', async () => {
    const path = join(directory, 'layer');
    await writeEmptyLayer(path, 1 << 20);
    await expect(writeEmptyLayer(path, 1 << 20)).rejects.toThrow('EEXIST');
  });
});
