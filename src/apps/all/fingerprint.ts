import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration } from '../../config/index.ts';

/** Sums up the program and the configuration that services run by: when it differs, they are started anew. */
export async function fingerprintOf(configuration: Configuration, root: string): Promise<string> {
  const hash = createHash('sha256').update(JSON.stringify(configuration)).update(process.version);
  for (const file of ['package-lock.json', 'package.json']) hash.update(await readFile(join(root, file)));
  for (const folder of ['src', 'dist/web']) {
    const names = await readdir(join(root, folder), { recursive: true }).catch(() => []);
    for (const name of names.toSorted((a, b) => (a < b ? -1 : 1))) {
      if (name.endsWith('.test.ts')) continue;
      const { size, mtimeMs, isFile } = await stat(join(root, folder, name)).then((entry) => ({
        size: entry.size,
        mtimeMs: entry.mtimeMs,
        isFile: entry.isFile(),
      }));
      if (isFile) hash.update(`\0${name}\0${size}\0${mtimeMs}`);
    }
  }
  return hash.digest('hex').slice(0, 16);
}
