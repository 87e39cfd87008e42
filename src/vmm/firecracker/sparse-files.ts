import { execFile } from 'node:child_process';
import { link, lstat, open, rm, truncate } from 'node:fs/promises';
import { promisify } from 'node:util';

const runFile = promisify(execFile);

/**
 * Copies a file with its holes, sharing blocks where the file system can. A link or a pipe, which a process that was taken over may have
 * put in the place of its file, is not followed. Throws a plain error then.
 */
export async function copySparse(source: string, target: string): Promise<void> {
  await runFile('cp', ['-R', '-P', '--sparse=always', '--reflink=auto', '--', source, target]);
  await assertPlainFile(target);
}

/** The same, and waits until it is on the disk. */
export async function copyDurably(source: string, target: string): Promise<void> {
  await copySparse(source, target);
  const file = await open(target, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

async function assertPlainFile(path: string): Promise<void> {
  if ((await lstat(path)).isFile()) return;
  await rm(path, { recursive: true });
  throw new Error(`what was to become ${path} is no plain file`);
}

/** Names a file in a second place, where nobody changes it; a copy where the file system has to. */
export async function linkOrCopy(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    if (!['EXDEV', 'EPERM', 'EMLINK'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
    await copySparse(source, target);
  }
}

/** Makes an empty disk, of which only what is written takes space. Throws a plain error where mke2fs is missing. */
export async function createOverlay(path: string, bytes: number): Promise<void> {
  await (await open(path, 'wx', 0o600)).close();
  await truncate(path, bytes);
  const features = ['-O', '^has_journal', '-E', 'lazy_itable_init=1,nodiscard', '-m', '0'];
  await runFile('mke2fs', ['-q', '-F', '-t', 'ext4', ...features, path]);
}
