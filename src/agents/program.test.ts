import { describe, expect, test } from 'vitest';
import type { ProgramParts } from '../contracts/analysis.ts';
import { toCodeBlocks } from './program.ts';

const whole: ProgramParts = {
  figures: ['hours = 2', 'weeks = 3'],
  calculation: 'total = hours * weeks',
  print: "print(f'In all: {total:.0f} hours')",
};

describe('toCodeBlocks()', () => {
  test('puts the parts together', () => {
    expect(toCodeBlocks(whole)).toEqual([
      { language: 'python', code: "hours = 2\nweeks = 3\ntotal = hours * weeks\nprint(f'In all: {total:.0f} hours')" },
    ]);
  });

  test.each<[string, Partial<ProgramParts>]>([
    ['several names in the print', { print: "print('In all:', round(total, 1), 'hours of', weeks)" }],
    ['a sum over a list', { calculation: 'total = sum(n * hours for n in [1, 2, weeks])' }],
    ['double quotes', { print: 'print(f"In all: {total} hours")' }],
    ['a calculation inside the print', { calculation: '', print: 'print(hours * weeks)' }],
  ])('takes %s', (_what, part) => {
    expect(toCodeBlocks({ ...whole, ...part })).toHaveLength(1);
  });

  test('makes comments of units', () => {
    const [block] = toCodeBlocks({ ...whole, figures: ['hours = 12 months', 'weeks = 75%'] });
    expect(block?.code).toMatch(/^hours = 12 {2}# months\nweeks = 75 {2}# %\n/);
  });

  test.each<[string, Partial<ProgramParts>]>([
    ['an open bracket', { print: 'print((total)' }],
    ['no print', { print: 'total' }],
    ['no figure', { figures: [], calculation: 'total = "a map"', print: 'print(total)' }],
    ['a package', { figures: ['import numpy', 'hours = 2 * 3', 'weeks = 1'] }],
    ['a name that nobody assigned', { calculation: 'total = total_hours / weeks' }],
    ['a name in the print that nobody assigned', { print: "print(f'In all: {sum_total} hours')" }],
  ])('drops a program with %s', (_what, part) => {
    expect(toCodeBlocks({ ...whole, ...part })).toEqual([]);
  });
});
