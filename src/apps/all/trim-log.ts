import { copyFile, stat, truncate } from 'node:fs/promises';

/**
 * Moves the content of a log that has grown over its limit to `FILE.1`, which holds one earlier part. The file itself stays the
 * same, so that its writers, who append, go on; what they write between copy and cut is lost.
 */
export async function trimLog(file: string, limitBytes: number): Promise<void> {
  const size = (await stat(file).catch(() => undefined))?.size ?? 0;
  if (size <= limitBytes) return;
  await copyFile(file, `${file}.1`);
  await truncate(file, 0);
}
