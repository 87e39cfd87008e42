import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { BigboxError } from '../contracts/errors.ts';

/**
 * Makes this process the only owner of a directory until the returned function is called or the process ends, however it ends.
 * The lock is the kernel's, held through SQLite, because Node has no call for it. Throws CONFLICT when another process has it.
 */
export function lockDirectory(directory: string): () => void {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, 'lock.sqlite');
  const database = new DatabaseSync(path);
  try {
    database.exec('PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE; COMMIT;');
  } catch (cause) {
    database.close();
    throw new BigboxError('CONFLICT', {
      message: `${directory} belongs to another VM service that is running.`,
      context: { directory },
      remedy: 'Stop the other one, or give this one a data directory of its own.',
      cause,
    });
  }
  return () => database.close();
}
