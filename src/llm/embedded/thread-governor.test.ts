import { beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../../lib/clock.ts';
import { ThreadGovernor } from './thread-governor.ts';

let time: number;
let governor: ThreadGovernor;

const clock: Clock = {
  now: () => time,
  monotonic: () => time,
  sleep: () => Promise.reject(new Error('The governor never sleeps.')),
};

const speed = (threads: number, outputTokensPerSecond: number) => ({
  threads,
  promptTokensPerSecond: outputTokensPerSecond * 3,
  outputTokensPerSecond,
});

/** Lets seconds pass, each with the same sample. */
function pass(seconds: number, otherBusyCores: number, tokensPerSecond?: number): void {
  for (let second = 0; second < seconds; second += 1) {
    time += 1000;
    governor.observe({ otherBusyCores, ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }) });
  }
}

beforeEach(() => {
  time = 1_000_000;
  governor = new ThreadGovernor({ cores: 2, clock });
  governor.calibrate([speed(1, 18), speed(2, 32)], true);
});

describe('ThreadGovernor', () => {
  test('uses the fastest number of threads on a quiet machine', () => {
    pass(10, 0.1, 31);
    expect(governor.threads).toBe(2);
  });

  test('takes one thread while a lease is held, until it is given back', () => {
    governor.lease('vm', 60_000);
    expect(governor.threads).toBe(1);
    governor.lease('vm', 0);
    expect(governor.threads).toBe(2);
  });

  test('ends a lease by itself and counts holders apart', () => {
    governor.lease('vm-a', 1000);
    governor.lease('vm-b', 3000);
    expect(governor.nextExpiryMs()).toBe(1000);
    time += 1000;
    expect(governor.leases).toEqual([{ holder: 'vm-b', milliseconds: 2000 }]);
    expect(governor.threads).toBe(1);
    time += 2000;
    expect(governor.threads).toBe(2);
    expect(governor.nextExpiryMs()).toBeUndefined();
  });

  test('leaves a core to others that use one, and takes it back when they have been quiet for a while', () => {
    pass(1, 0.9);
    expect(governor.threads).toBe(1);
    pass(3, 0.1);
    expect(governor.threads).toBe(1);
    pass(3, 0.1);
    expect(governor.threads).toBe(2);
  });

  test('takes one thread at once when the speed collapses', () => {
    pass(1, 0.3, 1.5);
    expect(governor.threads).toBe(1);
  });

  test('waits longer after each collapse that follows soon', () => {
    const secondsUntilTwo = (): number => {
      for (let seconds = 1; seconds < 600; seconds += 1) {
        pass(1, 0);
        if (governor.threads === 2) return seconds;
      }
      return 600;
    };
    pass(1, 0.3, 1.5);
    const first = secondsUntilTwo();
    pass(1, 0.3, 1.5);
    expect(secondsUntilTwo()).toBeGreaterThan(first);
  });

  test('does not take the slowness of one thread for a collapse', () => {
    governor.lease('vm', 60_000);
    pass(5, 0, 3);
    governor.lease('vm', 0);
    expect(governor.threads).toBe(2);
  });

  test('begins with what a busy machine allowed and grows to all cores', () => {
    governor.calibrate([speed(1, 10), speed(2, 1)], false);
    expect(governor.threads).toBe(1);
    pass(6, 0.1);
    expect(governor.threads).toBe(2);
  });

  test('keeps to one thread where two were measured to be slower on a quiet machine', () => {
    governor.calibrate([speed(1, 10), speed(2, 9)], true);
    pass(20, 0);
    expect(governor.threads).toBe(1);
  });
});
