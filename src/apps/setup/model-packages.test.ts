import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRawSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findZipEntry } from './zip.ts';

const run = promisify(execFile);
let directory: string;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-zip-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** Writes an archive with Python's own library, which also writes the packages that are read here. */
async function writeArchive(method: 'ZIP_STORED' | 'ZIP_DEFLATED', content: string): Promise<string> {
  const archive = join(directory, 'a.whl');
  const script = `import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w', zipfile.${method}) as z:
    z.writestr('other/data/part01.txt', 'no')
    z.writestr('model/data/part01.bin', sys.argv[2])`;
  await run('python3', ['-c', script, archive, content]);
  return archive;
}

describe('findZipEntry()', () => {
  test.each(['ZIP_STORED', 'ZIP_DEFLATED'] as const)('says where the bytes of an entry are (%s)', async (method) => {
    const content = 'part of a model, '.repeat(500);
    const archive = await writeArchive(method, content);
    const entry = await findZipEntry(archive, (path) => path.endsWith('/data/part01.bin'));
    const packed = (await readFile(archive)).subarray(entry.start, entry.start + entry.packedBytes);
    const bytes = entry.method === 'stored' ? packed : inflateRawSync(packed);
    expect(entry).toMatchObject({ path: 'model/data/part01.bin', bytes: content.length });
    expect(bytes.toString()).toBe(content);
  });

  test('refuses what is no archive, and an archive without the entry', async () => {
    const noArchive = join(directory, 'text.whl');
    await writeFile(noArchive, 'text');
    await expect(findZipEntry(noArchive, () => true)).rejects.toThrow('no zip archive');
    await expect(findZipEntry(await writeArchive('ZIP_STORED', 'x'), () => false)).rejects.toThrow('does not hold');
  });
});
