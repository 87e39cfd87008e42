import { describe, expect, test } from 'vitest';
import { IdempotencyKeys } from './idempotency-keys.ts';

const counter = (): (() => number) => {
  let made = 0;
  return () => (made += 1);
};

describe('once()', () => {
  test('makes one thing for one key, in whatever order the wish names its parts', () => {
    const keys = new IdempotencyKeys<number>(10);
    const make = counter();
    expect(keys.once('k', { a: 1, b: { c: 2, d: [3, 4] } }, make)).toBe(1);
    expect(keys.once('k', { b: { d: [3, 4], c: 2 }, a: 1 }, make)).toBe(1);
    expect(keys.once('other', { a: 1 }, make)).toBe(2);
  });

  test('makes a thing for every call without a key', () => {
    const keys = new IdempotencyKeys<number>(10);
    const make = counter();
    expect([keys.once(undefined, {}, make), keys.once(undefined, {}, make)]).toEqual([1, 2]);
  });

  test('refuses a key that comes with another wish', () => {
    const keys = new IdempotencyKeys<number>(10);
    keys.once('k', { list: [1, 2] }, counter());
    expect(() => keys.once('k', { list: [2, 1] }, counter())).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
  });

  test('does not keep a call that failed', () => {
    const keys = new IdempotencyKeys<number>(10);
    const fail = (): number => {
      throw new Error('no room');
    };
    expect(() => keys.once('k', {}, fail)).toThrow('no room');
    expect(keys.once('k', {}, counter())).toBe(1);
  });

  test('forgets the oldest key beyond its limit', () => {
    const keys = new IdempotencyKeys<number>(2);
    const make = counter();
    expect(['a', 'b', 'c', 'b', 'a'].map((key) => keys.once(key, {}, make))).toEqual([1, 2, 3, 2, 4]);
  });
});
