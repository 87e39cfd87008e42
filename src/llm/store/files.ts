import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import type { CatalogueModel } from './catalogue.ts';

/** The folder of the models inside a cache folder. */
export const modelsDirectory = (cacheDir: string): string => join(cacheDir, 'models');

/** Where a model's file is once it is complete. */
export const modelPath = (cacheDir: string, model: CatalogueModel): string =>
  join(modelsDirectory(cacheDir), `sha256-${model.sha256}`);

/** Hashes a file. Throws the signal's reason when aborted. */
export async function hashFile(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 4 * 1024 * 1024 }), hash, { signal });
  return hash.digest('hex');
}

/** The size of a file, 0 where there is none. */
export const sizeOf = async (path: string): Promise<number> => (await stat(path).catch(() => undefined))?.size ?? 0;

const verifiedPath = (path: string): string => `${path}.verified`;

async function fingerprint(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  return found === undefined ? undefined : `${found.size} ${found.mtimeMs} ${found.ino}`;
}

/** Notes that the file, as it is now, has the right hash, so that a start need not read it whole again. */
export async function markVerified(path: string): Promise<void> {
  await writeFile(verifiedPath(path), (await fingerprint(path)) ?? '', { mode: 0o600 });
}

/** Whether the file has the size and the hash of the model; hashed once, and again whenever it has changed. */
export async function isIntact(path: string, model: CatalogueModel, signal: AbortSignal): Promise<boolean> {
  if ((await sizeOf(path)) !== model.bytes) return false;
  const noted = await readFile(verifiedPath(path), 'utf8').catch(() => undefined);
  if (noted !== undefined && noted === (await fingerprint(path))) return true;
  if ((await hashFile(path, signal)) !== model.sha256) return false;
  await markVerified(path);
  return true;
}

export { verifiedPath };
