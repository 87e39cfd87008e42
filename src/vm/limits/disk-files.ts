import { lstatSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Files by their identity on the disk, with the bytes that they take there: one that has several names counts once. */
export type DiskFiles = ReadonlyMap<string, number>;

/** The files in directories and below them; what is not there or goes meanwhile counts nothing. */
export function filesBelow(...directories: readonly string[]): DiskFiles {
  const files = new Map<string, number>();
  for (const directory of directories) addFiles(directory, files);
  return files;
}

/** Bytes of the files that are not among the others. */
export function bytesOnlyIn(files: DiskFiles, ...others: readonly DiskFiles[]): number {
  let bytes = 0;
  for (const [identity, size] of files) if (!others.some((other) => other.has(identity))) bytes += size;
  return bytes;
}

function addFiles(directory: string, files: Map<string, number>): void {
  for (const entry of unlessGone(() => readdirSync(directory, { withFileTypes: true }), [])) {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) addFiles(path, files);
    const found = unlessGone(() => lstatSync(path), undefined);
    if (found?.isFile() === true) files.set(`${found.dev}:${found.ino}`, found.blocks * 512);
  }
}

function unlessGone<TValue>(read: () => TValue, otherwise: TValue): TValue {
  try {
    return read();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return otherwise;
    throw error;
  }
}
