import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { RunningTime } from './running-time.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

describe('RunningTime', () => {
  test('ends a timeout when its time has passed', () => {
    using timeout = new RunningTime().timeout(1000);
    vi.advanceTimersByTime(999);
    expect(timeout.signal.aborted).toBe(false);
    vi.advanceTimersByTime(1);
    expect(timeout.signal.reason).toMatchObject({ name: 'TimeoutError' });
  });

  test('does not count the time that it is stopped', () => {
    const time = new RunningTime();
    using early = time.timeout(1000);
    vi.advanceTimersByTime(400);
    time.stop();
    using late = time.timeout(1000);
    vi.advanceTimersByTime(60_000);
    expect([early.signal.aborted, late.signal.aborted, time.isStopped]).toEqual([false, false, true]);
    time.resume();
    vi.advanceTimersByTime(600);
    expect([early.signal.aborted, late.signal.aborted]).toEqual([true, false]);
    vi.advanceTimersByTime(400);
    expect(late.signal.aborted).toBe(true);
  });

  test('forgets a timeout that is disposed of', () => {
    const timeout = new RunningTime().timeout(1000);
    timeout[Symbol.dispose]();
    vi.advanceTimersByTime(5000);
    expect(timeout.signal.aborted).toBe(false);
    expect(vi.getTimerCount()).toBe(0);
  });
});
