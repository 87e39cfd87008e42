import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { VmDeadline } from './vm-deadline.ts';

beforeEach(() => void vi.useFakeTimers({ now: 0, toFake: ['setTimeout', 'clearTimeout', 'Date'] }));
afterEach(() => void vi.useRealTimers());

const start = (): { deadline: VmDeadline; passed: ReturnType<typeof vi.fn> } => {
  const passed = vi.fn();
  return { deadline: new VmDeadline(systemClock, passed), passed };
};

describe('VmDeadline', () => {
  test('passes once, at its time', () => {
    const { deadline, passed } = start();
    deadline.set(1000);
    expect(deadline.at).toEqual(new Date(1000));
    vi.advanceTimersByTime(999);
    expect(passed).not.toHaveBeenCalled();
    vi.advanceTimersByTime(60_000);
    expect(passed).toHaveBeenCalledTimes(1);
    expect(deadline.at).toBeUndefined();
  });

  test('can be set earlier and later', () => {
    const { deadline, passed } = start();
    deadline.set(1000);
    deadline.set(5000);
    vi.advanceTimersByTime(4999);
    expect(passed).not.toHaveBeenCalled();
    deadline.set(1000);
    deadline.set(10);
    vi.advanceTimersByTime(10);
    expect(passed).toHaveBeenCalledTimes(1);
  });

  test('is extended, never shortened, and not made by extending', () => {
    const { deadline } = start();
    deadline.extend(1000);
    expect(deadline.at).toBeUndefined();
    deadline.set(1000);
    deadline.extend(500);
    expect(deadline.at).toEqual(new Date(1000));
    deadline.extend(2000);
    expect(deadline.at).toEqual(new Date(2000));
  });

  test('is set to the very moment that was told, whatever time it takes', () => {
    const told = new Date(5000);
    let now = 0;
    const passed = vi.fn();
    const deadline = new VmDeadline({ ...systemClock, now: () => (now += 1) }, passed);
    deadline.setAt(told);
    expect(deadline.at).toEqual(told);
    deadline.setAt(new Date(0));
    vi.advanceTimersByTime(1);
    expect(passed).toHaveBeenCalledTimes(1);
  });

  test('is taken away', () => {
    const { deadline, passed } = start();
    deadline.set(1000);
    deadline.clear();
    vi.advanceTimersByTime(5000);
    expect([passed.mock.calls.length, deadline.at]).toEqual([0, undefined]);
  });
});
