import { describe, expect, test } from 'vitest';
import { formatAge, formatBytes, formatDuration, formatLine } from './format.ts';

describe('formatDuration()', () => {
  test.each([
    [400, '0.4 s'],
    [14_230, '14.2 s'],
    [99_960, '100 s'],
    [151_000, '2 min 31 s'],
    [3_660_000, '1 h 1 min'],
  ])('writes %i ms as %s', (ms, text) => {
    expect(formatDuration(ms)).toBe(text);
  });
});

describe('formatBytes()', () => {
  test.each([
    [0, '0 KB'],
    [61_400_000, '61 MB'],
    [1_117_320_768, '1.1 GB'],
  ])('writes %i as %s', (bytes, text) => {
    expect(formatBytes(bytes)).toBe(text);
  });
});

describe('formatLine()', () => {
  test('keeps columns and leaves no blank at the end', () => {
    expect(formatLine('packages', 'done', '14.2 s')).toBe('  packages        done    14.2 s');
    expect(formatLine('vm image', 'done', '41.7 s', '612 MB', '', 'bookworm')).toBe(
      '  vm image        done    41.7 s   612 MB   bookworm',
    );
  });
});

describe('formatAge()', () => {
  test.each([
    [-20, '0 s'],
    [8400, '8 s'],
    [150_000, '3 min'],
    [7_200_000, '2 h'],
    [1_000_000_000, '12 d'],
  ])('writes %i ms as %s', (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });
});
