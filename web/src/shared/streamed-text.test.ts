import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { groupPieces, streamedPieces, toHeading } from './streamed-text.ts';

describe('streamedPieces()', () => {
  test('takes the strings of a complete answer under their keys', () => {
    const text = JSON.stringify({ summary: 'One "quoted" line', key_points: ['first', 'second'], confidence: 0.7 });
    expect(groupPieces(streamedPieces(text))).toEqual([
      { key: 'summary', texts: ['One "quoted" line'] },
      { key: 'key_points', texts: ['first', 'second'] },
    ]);
  });

  test('shows a string that is not closed yet, and marks it', () => {
    expect(streamedPieces('{"summary": "AI chang')).toEqual([{ key: 'summary', text: 'AI chang', open: true }]);
  });

  test('does not show a string that may still become a key', () => {
    expect(streamedPieces('{"summ')).toEqual([]);
    expect(streamedPieces('{"summary": "Done.", "key_poi')).toEqual([{ key: 'summary', text: 'Done.', open: false }]);
    expect(streamedPieces('{"a": ["one", "tw')).toEqual([
      { key: 'a', text: 'one', open: false },
      { key: 'a', text: 'tw', open: true },
    ]);
  });

  test('waits for the rest of an escape', () => {
    expect(streamedPieces('{"a": "tab\\').map((piece) => piece.text)).toEqual(['tab']);
    expect(streamedPieces('{"a": "\\u00e').map((piece) => piece.text)).toEqual([]);
    expect(streamedPieces('{"a": "\\u00e9t').map((piece) => piece.text)).toEqual(['ét']);
  });

  test('leaves text that is no JSON as it is', () => {
    expect(streamedPieces('Plain words')).toEqual([{ key: '', text: 'Plain words', open: true }]);
    expect(streamedPieces('  ')).toEqual([]);
  });

  test('never shows less when more has come, and ends with all values', () => {
    const strings = fc.string({ minLength: 1, unit: 'grapheme' });
    fc.assert(
      fc.property(strings, fc.array(strings), (summary, points) => {
        const text = JSON.stringify({ summary, points });
        let shown = '';
        for (let end = 0; end <= text.length; end += 1) {
          const now = streamedPieces(text.slice(0, end))
            .map((piece) => piece.text)
            .join('|');
          expect(now.length).toBeGreaterThanOrEqual(shown.length);
          shown = now;
        }
        const visible = (value: string) => value.replaceAll(/[\r\b\f]/g, '');
        expect(shown).toBe(
          [summary, ...points]
            .map(visible)
            .filter((value) => value !== '')
            .join('|'),
        );
      }),
      { numRuns: 60 },
    );
  });
});

describe('toHeading()', () => {
  test('writes a key as words', () => expect(toHeading('key_points')).toBe('Key points'));
});
