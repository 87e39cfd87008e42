import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { setImmediate as breathe } from 'node:timers/promises';

const mebibyte = 1024 * 1024;
const hashes = new Map<number, Promise<string>>();

/** Writes the memory of a machine that nothing has run in, of which nothing takes space on the disk, and gives its hash. */
export async function writeEmptyMemory(path: string, mebibytes: number): Promise<string> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.truncate(mebibytes * mebibyte);
  } finally {
    await file.close();
  }
  let hash = hashes.get(mebibytes);
  if (hash === undefined) hashes.set(mebibytes, (hash = hashZeros(mebibytes)));
  return hash;
}

async function hashZeros(mebibytes: number): Promise<string> {
  const zeros = Buffer.alloc(mebibyte);
  const hash = createHash('sha256');
  for (let done = 0; done < mebibytes; done += 1) {
    hash.update(zeros);
    await breathe();
  }
  return hash.digest('hex');
}
