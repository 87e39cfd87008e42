import { describe, expect, test } from 'vitest';
import { formatAge, formatBytes, formatClock, formatDuration, formatUntil, plural } from './format.ts';

describe('formatClock()', () => {
  test('writes minutes and seconds, hours only when there are some', () => {
    expect([formatClock(-5), formatClock(23_400), formatClock(64_000), formatClock(3_849_000)]).toEqual([
      '0:00',
      '0:23',
      '1:04',
      '1:04:09',
    ]);
  });
});

describe('formatDuration()', () => {
  test('takes the unit that fits', () => {
    expect([41, 480, 4_130, 9_960, 64_000, 125_000, 180_000].map(formatDuration)).toEqual([
      '41 ms',
      '0.5 s',
      '4.1 s',
      '10 s',
      '64 s',
      '2 min 5 s',
      '3 min',
    ]);
  });
});

describe('formatAge()', () => {
  test('counts from now backwards and never forwards', () => {
    const now = Date.UTC(2026, 10, 24, 20);
    const ago = (seconds: number) => formatAge(new Date(now - seconds * 1000).toISOString(), now);
    expect([-30, 2, 45, 250, 7_300, 200_000].map(ago)).toEqual([
      'now',
      'now',
      '45 s ago',
      '4 min ago',
      '2 h ago',
      '2 d ago',
    ]);
  });
});

describe('formatUntil()', () => {
  test('counts down to now', () => {
    const now = Date.UTC(2026, 10, 24, 20);
    const inSeconds = (seconds: number) => formatUntil(new Date(now + seconds * 1000).toISOString(), now);
    expect([-3, 8, 240, 7200, 604_800].map(inSeconds)).toEqual(['now', 'in 8 s', 'in 4 min', 'in 2 h', 'in 7 d']);
  });
});

describe('formatBytes()', () => {
  test('takes the unit that fits', () =>
    expect([0, 312, 4096, 76_000_000, 1_200_000_000].map(formatBytes)).toEqual([
      '0 B',
      '312 B',
      '4.1 kB',
      '76 MB',
      '1.2 GB',
    ]));
});

describe('plural()', () => {
  test('adds the s where it belongs', () =>
    expect([plural(1, 'step'), plural(0, 'step')]).toEqual(['1 step', '0 steps']));
});
