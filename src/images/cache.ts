import { mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';

const lockPollMs = 250;

/** What a step of a build tells while it works. */
interface Progress {
  /** What is being done, for a person. */
  readonly step: string;
}

/** What every builder of this module takes. */
export interface BuildOptions {
  readonly cacheDir: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: Progress) => void;
}

/**
 * Gives the directory, building it where it is missing: in a directory beside it that is renamed when complete, under a lock,
 * so that two builders do not collide and a crash leaves nothing half done. The builder may find parts of an earlier try.
 */
export async function ensureDirectory(
  path: string,
  signal: AbortSignal,
  build: (unfinished: string) => Promise<void>,
): Promise<string> {
  if (await exists(path)) return path;
  await mkdir(dirname(path), { recursive: true });
  await using _lock = await acquireLock(`${path}.lock`, signal);
  if (await exists(path)) return path;
  const unfinished = `${path}.unfinished`;
  await mkdir(unfinished, { recursive: true });
  await build(unfinished);
  await rename(unfinished, path);
  return path;
}

/** Whether there is a file or directory with this path. */
export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

/** Removes a directory of the cache, and what an unfinished build of it left. */
export async function forget(path: string): Promise<void> {
  await rm(path, { recursive: true, force: true });
  await rm(`${path}.unfinished`, { recursive: true, force: true });
}

/** Holds a lock file that names its owner; the lock of a process that is gone is taken over. */
async function acquireLock(path: string, signal: AbortSignal): Promise<AsyncDisposable> {
  for (;;) {
    try {
      await writeFile(path, String(process.pid), { flag: 'wx' });
      return { [Symbol.asyncDispose]: () => rm(path, { force: true }) };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    }
    if (await isAbandoned(path)) await rm(path, { force: true });
    else await wait(lockPollMs, undefined, { signal });
  }
}

async function isAbandoned(path: string): Promise<boolean> {
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return false;
  const owner = Number(text);
  // Its owner may be about to write its number.
  if (!Number.isInteger(owner) || owner <= 0) return false;
  try {
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ESRCH';
  }
}

/** The path of a build's log beside its result. */
export const logPathOf = (directory: string, name: string): string => join(directory, `${name}.log`);
