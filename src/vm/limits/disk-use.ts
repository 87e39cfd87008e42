import { statfsSync } from 'node:fs';
import { join } from 'node:path';
import { bytesOnlyIn, filesBelow } from './disk-files.ts';

const mebibyte = 1 << 20;

/**
 * MiB that VMs and snapshots take below the directory of the service: a file that several of them share counts once, and what they
 * share with templates does not count.
 */
export function measureDiskUse(directory: string): number {
  const used = filesBelow(...['run', 'snapshots', 'disks'].map((name) => join(directory, name)));
  return Math.ceil(bytesOnlyIn(used, filesBelow(join(directory, 'templates'))) / mebibyte);
}

/** MiB that the disk has left for this user. */
export function measureFreeDisk(directory: string): number {
  const { bavail, bsize } = statfsSync(directory);
  return Math.floor((bavail * bsize) / mebibyte);
}
