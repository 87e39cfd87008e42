import { readdirSync, statfsSync, statSync } from 'node:fs';
import { join } from 'node:path';

const mebibyte = 1 << 20;

/** Bytes that the files below a directory take on the disk; what goes away meanwhile counts nothing. */
function diskSpaceBelow(directory: string): number {
  let bytes = 0;
  for (const entry of listOf(directory)) {
    const path = join(directory, entry.name);
    bytes += entry.isDirectory() ? diskSpaceBelow(path) : spaceOf(path);
  }
  return bytes;
}

/** MiB that VMs and snapshots take below the directory of the service; files that several snapshots share count for each. */
export const measureDiskUse = (directory: string): number =>
  Math.ceil((diskSpaceBelow(join(directory, 'run')) + diskSpaceBelow(join(directory, 'snapshots'))) / mebibyte);

/** MiB that the disk has left for this user. */
export function measureFreeDisk(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return Math.floor((bavail * bsize) / mebibyte);
}

function listOf(directory: string): readonly { readonly name: string; isDirectory(): boolean }[] {
  try {
    return readdirSync(directory, { withFileTypes: true });
  } catch (error) {
    return orGone(error, []);
  }
}

function spaceOf(path: string): number {
  try {
    return statSync(path).blocks * 512;
  } catch (error) {
    return orGone(error, 0);
  }
}

function orGone<TValue>(error: unknown, value: TValue): TValue {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ENOENT' || code === 'ENOTDIR') return value;
  throw error;
}
