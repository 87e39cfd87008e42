import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

/** A lock that ends with its process, however that ends. */
export interface ProcessLock {
  release(): void;
}

/** Takes the lock that a file stands for; undefined when another process, or another holder in this one, has it. */
export function tryLock(file: string): ProcessLock | undefined {
  mkdirSync(dirname(file), { recursive: true });
  // SQLite's own file lock: taken and given back by the kernel with the process.
  const database = new DatabaseSync(file);
  try {
    database.exec('PRAGMA busy_timeout = 0; BEGIN EXCLUSIVE');
  } catch (error) {
    database.close();
    if (/locked/.test((error as Error).message)) return undefined;
    throw error;
  }
  return { release: () => database.close() };
}
