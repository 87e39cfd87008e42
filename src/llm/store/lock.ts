import { open, rm, stat, utimes } from 'node:fs/promises';
import { type Clock, systemClock } from '../../lib/clock.ts';

const refreshMs = 5_000;
const staleMs = 30_000;

async function tryLock(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close();
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return false;
  }
}

async function removeStale(path: string, clock: Clock): Promise<void> {
  const found = await stat(path).catch(() => undefined);
  if (found !== undefined && clock.now() - found.mtimeMs > staleMs) await rm(path, { force: true });
}

/**
 * Runs `work` while no other process of this machine works under the same lock file. A holder shows that it lives by the file's
 * time; the lock of a dead one is taken after half a minute. Throws the signal's reason when aborted while it waits.
 */
export async function withFileLock<TResult>(
  path: string,
  work: () => Promise<TResult>,
  options: { readonly signal: AbortSignal; readonly clock?: Clock },
): Promise<TResult> {
  const clock = options.clock ?? systemClock;
  while (!(await tryLock(path))) {
    await removeStale(path, clock);
    await clock.sleep(200, options.signal);
  }
  const refresh = setInterval(() => {
    const now = new Date(clock.now());
    // A failed refresh only makes the lock look stale; the work itself does not depend on it.
    utimes(path, now, now).catch(() => undefined);
  }, refreshMs);
  try {
    return await work();
  } finally {
    clearInterval(refresh);
    await rm(path, { force: true });
  }
}
