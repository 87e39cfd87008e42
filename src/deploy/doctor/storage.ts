import { constants } from 'node:fs';
import { copyFile, mkdtemp, rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Finding, toFinding } from './finding.ts';

/** The folder itself, or the nearest one above it that exists. */
async function existing(folder: string): Promise<string> {
  const there = await stat(folder).catch(() => undefined);
  return there?.isDirectory() === true || dirname(folder) === folder ? folder : existing(dirname(folder));
}

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

/** Room for images and for what VMs write. */
export async function checkSpace(check: string, folder: string): Promise<Finding> {
  const { bavail, blocks, bsize } = await statfs(await existing(folder));
  const free = bavail * bsize;
  const finding = `${gigabytes(free)} of ${gigabytes(blocks * bsize)} free for ${folder}`;
  if (free < 1e9) return toFinding(check, 'problem', finding, 'Free at least 3 GB, or choose another place for it.');
  if (free < 5e9) return toFinding(check, 'advice', finding, 'A few busy VMs can fill that; free some space.');
  return toFinding(check, 'ok', finding);
}

/** Whether copies of disks share their blocks until they are written, tried with a small file. */
export async function checkReflink(folder: string): Promise<Finding> {
  const check = 'reflink';
  let trial: string;
  try {
    trial = await mkdtemp(join(await existing(folder), '.bigbox-doctor-'));
  } catch (error) {
    return toFinding(check, 'unknown', `nothing can be written for ${folder}: ${(error as Error).message}`);
  }
  try {
    await writeFile(join(trial, 'a'), new Uint8Array(65_536));
    await copyFile(join(trial, 'a'), join(trial, 'b'), constants.COPYFILE_FICLONE_FORCE);
    return toFinding(check, 'ok', 'copies of large files share their blocks');
  } catch (error) {
    const reason = (error as NodeJS.ErrnoException).code ?? String(error);
    const finding = `the file system of ${folder} cannot share blocks (${reason}): a copy of a disk takes its full size`;
    return toFinding(check, 'advice', finding, 'Keep the data directory on XFS or Btrfs (--data-dir).');
  } finally {
    await rm(trial, { recursive: true, force: true });
  }
}
