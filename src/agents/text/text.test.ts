import { describe, expect, test } from 'vitest';
import { cleanStatement, isFragment, isNearDuplicate, toSentences } from './index.ts';

describe('cleanStatement()', () => {
  test.each([
    ['- **cars** leave the  square', 'Cars leave the square.'],
    ['1. Buy one battery', 'Buy one battery.'],
    ['4 in 5 shops open late', '4 in 5 shops open late.'],
    ['Buses run late. They can also help to', 'Buses run late.'],
    ['Rents rise,', 'Rents rise.'],
    ['Is it safe?', 'Is it safe?'],
    ['Noise falls. 这是 good.', 'Noise falls.'],
    ['完全', ''],
    ['The cost of the', ''],
  ])('turns %j into %j', (raw, clean) => {
    expect(cleanStatement(raw, 'A topic')).toBe(clean);
  });

  test('keeps the script of the topic', () => {
    expect(cleanStatement('电池很贵。', '家用电池')).toContain('电池很贵');
  });
});

describe('isFragment()', () => {
  test.each([
    ['Number of vehicles in the town center.', true],
    ['A new office space, a reliable internet connection, and a skilled IT team.', true],
    ['Developing a comprehensive plan for the ban with zoning regulations.', true],
    ['Residents gain access to public spaces while losing some mobility options.', false],
    ['The initial cost is $500.', false],
  ])('%j: %s', (text, expected) => {
    expect(isFragment(text)).toBe(expected);
  });
});

describe('toSentences()', () => {
  test('does not cut numbers', () => {
    expect(toSentences('It costs 2.5 million. That is much. e.g. more')).toEqual([
      'It costs 2.5 million.',
      'That is much. e.g. more',
    ]);
  });
});

describe('isNearDuplicate()', () => {
  test('finds the same statement in other forms of its words', () => {
    expect(
      isNearDuplicate('Automation reduces manual testing work.', 'Manual test work is reduced by automating.'),
    ).toBe(true);
  });

  test('does not count the words of the topic', () => {
    const topic = 'Should our town ban cars from its centre?';
    expect(
      isNearDuplicate('Banning cars from the centre hurts shops.', 'Banning cars from the centre cuts noise.', topic),
    ).toBe(false);
  });
});
