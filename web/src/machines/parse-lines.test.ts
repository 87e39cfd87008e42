import { describe, expect, test } from 'vitest';
import { parseLines, parseTime } from './parse-lines.ts';

describe('parseLines()', () => {
  test('reads one pair a line, with everything behind the first equals sign', () => {
    expect(parseLines('job=nightly\n\n  why=a=b c \n', 'label')).toEqual({
      ok: true,
      pairs: { job: 'nightly', why: 'a=b c' },
    });
  });

  test('names the line that is none', () => {
    expect(parseLines('A=1\n2B=x', 'variable')).toEqual({
      ok: false,
      problem: 'Line 2 is not NAME=VALUE, the name of letters, digits and _.',
    });
  });
});

describe('parseTime()', () => {
  test('reads numbers with and without a unit, and nothing else', () => {
    expect(['90', '15 min', '2h', '1.5 h', '8 d', '0', '-1', 'soon', ''].map(parseTime)).toEqual([
      90,
      900,
      7200,
      5400,
      undefined,
      undefined,
      undefined,
      undefined,
      undefined,
    ]);
  });
});
