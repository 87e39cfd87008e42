import { createHash } from 'node:crypto';
import { constants, createReadStream } from 'node:fs';
import { lstat, open, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { BigboxError } from '../../contracts/errors.ts';
import type { Snapshot } from '../driver.ts';

const maxStateBytes = 64 * 1024 * 1024;

/** Throws VM_SNAPSHOT_FAILED when the file does not have the content that the manifest names. */
export async function verifyFile(snapshot: Pick<Snapshot, 'directory' | 'files'>, name: string): Promise<void> {
  const path = join(snapshot.directory, name);
  const found = await hashFile(path).catch((error: Error) => error.message);
  if (found === snapshot.files[name]) return;
  const context = { path, expected: snapshot.files[name] ?? 'none', found };
  throw new BigboxError('VM_SNAPSHOT_FAILED', {
    message: `${path} is damaged: it does not have the content that was saved.`,
    context,
  });
}

/** Bytes that the files take on the disk. */
export async function diskSpaceOf(directory: string, names: readonly string[]): Promise<number> {
  const sizes = await Promise.all(names.map(async (name) => (await lstat(join(directory, name))).blocks * 512));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Hashes of files in a directory by name. */
export async function hashFiles(
  directory: string,
  names: readonly string[],
): Promise<Readonly<Record<string, string>>> {
  const hashes = names.map(async (name) => [name, await hashFile(join(directory, name))] as const);
  return Object.fromEntries(await Promise.all(hashes));
}

/** Puts a file on the disk and gives its hash. */
export async function hashDurably(path: string): Promise<string> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
  return hashFile(path);
}

/** Writes a new file, puts it on the disk and gives its hash. */
export async function writeDurably(path: string, content: Uint8Array): Promise<string> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
  return createHash('sha256').update(content).digest('hex');
}

/** Copies a file that its owner may have exchanged for a link, as far as it is a plain one, and gives the hash of the copy. */
export async function copyDurably(source: string, target: string): Promise<string> {
  const from = await open(source, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  try {
    return await copyPlainFile(from, target);
  } finally {
    await from.close();
  }
}

async function copyPlainFile(from: FileHandle, target: string): Promise<string> {
  const found = await from.stat();
  if (!found.isFile()) throw new Error('the state of the devices is not in a file');
  if (found.size > maxStateBytes) throw new Error(`the state of the devices has ${found.size} bytes`);
  return writeDurably(target, await from.readFile());
}

/** Files that were hashed before, by their identity: many snapshots share most of theirs. Changing one changes its times. */
const known = new Map<string, Promise<string>>();
const maxKnown = 4096;

async function hashFile(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
  const identity = [dev, ino, size, mtimeNs].join(':');
  let hash = known.get(identity);
  if (hash === undefined) {
    hash = hashContent(path);
    if (known.size >= maxKnown) known.delete(known.keys().next().value ?? '');
    known.set(identity, hash);
    hash.catch(() => known.delete(identity));
  }
  return hash;
}

async function hashContent(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
