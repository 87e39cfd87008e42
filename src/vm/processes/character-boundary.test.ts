import { expect, test } from 'vitest';
import { orphanedBytes, unfinishedBytes } from './character-boundary.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

test.each(['a', 'é', '€', '🙂'])('finds the cut inside of %s at every place', (character) => {
  const all = bytes(`x${character}`);
  for (let cut = 1; cut < all.length; cut += 1) {
    expect(unfinishedBytes(all.subarray(0, cut))).toBe(cut - 1);
    expect(orphanedBytes(all.subarray(cut))).toBe(cut === 1 ? 0 : all.length - cut);
  }
  expect(unfinishedBytes(all)).toBe(0);
  expect(orphanedBytes(all)).toBe(0);
});

test('does not wait for a rest that cannot come', () => {
  expect(unfinishedBytes(Uint8Array.of(0x80, 0x80, 0x80, 0x80))).toBe(0);
  expect(unfinishedBytes(Uint8Array.of(0xff))).toBe(0);
  expect(unfinishedBytes(Uint8Array.of())).toBe(0);
  expect(orphanedBytes(Uint8Array.of(0x80, 0x80, 0x80, 0x80))).toBe(3);
});
