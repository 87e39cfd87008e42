import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { Demand } from './demand.ts';

const memoryMs = 600_000;

/** The same by trying every claim as the end of a burst. */
const largestBurst = (claims: readonly number[], windowMs: number, nowMs: number): number =>
  Math.max(
    0,
    ...claims
      .map((end, index) => ({ end, size: claims.slice(0, index + 1).filter((at) => at >= end - windowMs).length }))
      .filter(({ end }) => end >= nowMs - memoryMs)
      .map(({ size }) => size),
  );

describe('Demand', () => {
  test('wants nothing before the first claim', () => {
    expect(new Demand().peak(0)).toBe(0);
  });

  test('wants as many clones as were claimed at once, until that is long ago', () => {
    const demand = new Demand();
    for (const at of [1000, 1001, 1002, 90_000]) demand.claimed(at);
    expect(demand.peak(100_000)).toBe(3);
    expect(demand.peak(1002 + memoryMs + 1)).toBe(1);
    expect(demand.peak(90_000 + memoryMs + 1)).toBe(0);
  });

  test('wants more where a start takes longer', () => {
    const [quick, slow] = [new Demand(), new Demand()];
    for (let index = 0; index < 40; index += 1) {
      quick.started(50);
      slow.started(5000);
    }
    for (let at = 0; at < 10_000; at += 500) for (const demand of [quick, slow]) demand.claimed(at);
    expect(quick.peak(10_000)).toBe(1);
    expect(slow.peak(10_000)).toBeGreaterThanOrEqual(10);
  });

  test('agrees with counting every burst', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 200_000 }), { maxLength: 60 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 0, max: 700_000 }), (steps, later) => {
        const demand = new Demand();
        let now = 0;
        const claims = steps.map((step) => (now += step));
        for (const at of claims) demand.claimed(at);
        expect(demand.peak(now + later)).toBe(largestBurst(claims, 1000, now + later));
      }),
    );
  });
});
