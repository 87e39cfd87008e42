import type { Clock } from '../../lib/clock.ts';

/** A clock for tests whose sleepers wake when the test says so. */
export interface SilentClock extends Clock {
  /** Wakes everybody who sleeps, and lets them do what they can at once. */
  pass(): Promise<void>;
  /** The durations that were asked for so far. */
  readonly slept: readonly number[];
}

/** Creates a clock that stands still, for tests only. */
export function silentClock(): SilentClock {
  const sleepers = new Set<() => void>();
  const slept: number[] = [];
  return {
    slept,
    now: () => 0,
    monotonic: () => 0,
    sleep(ms, signal) {
      slept.push(ms);
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      sleepers.add(resolve);
      signal?.addEventListener('abort', () => {
        sleepers.delete(resolve);
        reject(signal.reason as Error);
      });
      return promise;
    },
    async pass() {
      for (const wake of sleepers) wake();
      sleepers.clear();
      await new Promise(setImmediate);
    },
  };
}
