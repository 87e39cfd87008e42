import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { toBlocks } from './readable-text.ts';

const text =
  'One line\nthat goes on.\n\n**Key points**\n- first\n- second\n  goes on\n\n**Calculation**\n```\nx = 1\n\nprint(x)\n```';

describe('toBlocks()', () => {
  test('reads titles, lists, code and paragraphs', () => {
    expect(toBlocks(text)).toEqual([
      { kind: 'paragraph', text: 'One line that goes on.' },
      { kind: 'heading', text: 'Key points' },
      { kind: 'list', items: ['first', 'second goes on'] },
      { kind: 'heading', text: 'Calculation' },
      { kind: 'code', text: 'x = 1\n\nprint(x)' },
    ]);
  });

  test('shows code whose end has not come yet', () => {
    expect(toBlocks('```\nx = 1\nprin')).toEqual([{ kind: 'code', text: 'x = 1\nprin' }]);
  });

  test('changes only the last block when more text comes', () => {
    fc.assert(
      fc.property(fc.nat(text.length), fc.nat(text.length), (one, other) => {
        const [short = 0, long = 0] = [one, other].toSorted((left, right) => left - right);
        const before = toBlocks(text.slice(0, short));
        expect(toBlocks(text.slice(0, long)).slice(0, Math.max(0, before.length - 1))).toEqual(before.slice(0, -1));
      }),
    );
  });

  test('loses no word of any text', () => {
    const words = (value: string) => value.replaceAll(/[\s*`-]/g, '');
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'ab *-\n'.split('')) }), (any) => {
        const shown = toBlocks(any).flatMap((block) => (block.kind === 'list' ? block.items : [block.text]));
        expect(words(shown.join(''))).toBe(words(any));
      }),
    );
  });
});
