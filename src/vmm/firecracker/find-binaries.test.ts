import { chmod, mkdir, mkdtemp, realpath, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findFirecracker } from './find-binaries.ts';

let root: string;
beforeEach(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), 'bigbox-find-')));
});
afterEach(() => rm(root, { recursive: true }));

async function install(...path: readonly string[]): Promise<string> {
  const directory = join(root, ...path);
  await mkdir(directory, { recursive: true });
  for (const name of ['firecracker', 'jailer']) {
    await writeFile(join(directory, name), '');
    await chmod(join(directory, name), 0o755);
  }
  return directory;
}

describe('findFirecracker()', () => {
  test('finds nothing where there is nothing', async () => {
    expect(await findFirecracker({ searchPath: root, cacheDir: root })).toBeUndefined();
  });

  test('takes the first of PATH, else the cache', async () => {
    await install('cache', 'firecracker');
    const where = { searchPath: `${join(root, 'none')}:${join(root, 'bin')}`, cacheDir: join(root, 'cache') };
    expect((await findFirecracker(where))?.binary).toBe(join(root, 'cache', 'firecracker', 'firecracker'));
    await install('bin');
    expect(await findFirecracker(where)).toEqual({
      binary: join(root, 'bin', 'firecracker'),
      jailer: join(root, 'bin', 'jailer'),
    });
  });

  test('takes only what is named, where something is', async () => {
    const directory = await install('bin');
    const named = join(root, 'missing');
    expect(await findFirecracker({ named, searchPath: directory, cacheDir: root })).toBeUndefined();
  });

  test('follows links, and finds the jailer where they lead', async () => {
    const directory = await install('release');
    await symlink(join(directory, 'firecracker'), join(root, 'firecracker'));
    const found = await findFirecracker({ named: join(root, 'firecracker'), searchPath: '', cacheDir: root });
    expect(found).toEqual({ binary: join(directory, 'firecracker'), jailer: join(directory, 'jailer') });
  });

  test('wants both', async () => {
    const directory = await install('bin');
    await rm(join(directory, 'jailer'));
    expect(await findFirecracker({ searchPath: directory, cacheDir: root })).toBeUndefined();
  });
});
