import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** Reads a file of /proc or /sys below a root, trimmed; undefined where the kernel does not have it. */
export async function readFact(root: string, path: string): Promise<string | undefined> {
  return readFile(join(root, path), 'utf8').then(
    (text) => text.trim(),
    () => undefined,
  );
}
