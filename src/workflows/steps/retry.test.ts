import { describe, expect, test } from 'vitest';
import type { ErrorCode } from '../../contracts/errors.ts';
import { nextDelayMs } from './retry.ts';

describe('nextDelayMs()', () => {
  test('waits longer and longer for a model server that is away, then gives up', () => {
    const failures: ErrorCode[] = [];
    const delays = [];
    for (let delay: number | undefined = 0; delay !== undefined;) {
      failures.push('MODEL_UNREACHABLE');
      delay = nextDelayMs(failures);
      delays.push(delay);
    }
    expect(delays).toEqual([500, 1500, 3000, 5000, 10_000, 15_000, undefined]);
  });

  test('asks twice more after unusable answers, whatever came between', () => {
    expect(nextDelayMs(['ANSWER_UNUSABLE'])).toBe(0);
    expect(nextDelayMs(['ANSWER_UNUSABLE', 'MODEL_BUSY', 'ANSWER_UNUSABLE'])).toBe(500);
    expect(nextDelayMs(['ANSWER_UNUSABLE', 'MODEL_FAILED', 'ANSWER_UNUSABLE'])).toBeUndefined();
  });

  test('does not repeat what would fail again', () => {
    expect(nextDelayMs(['MODEL_NOT_FOUND'])).toBeUndefined();
    expect(nextDelayMs(['INTERNAL'])).toBeUndefined();
  });
});
