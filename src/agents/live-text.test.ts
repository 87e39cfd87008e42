import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { LiveText } from './live-text.ts';

const fields = {
  summary: { style: 'paragraph' },
  key_points: { title: 'Key points', style: 'list' },
  program: { title: 'Calculation', style: 'code' },
} as const;
const json =
  '{"summary":"Cars \\"out\\" \\u00e4nd\\n quiet.","key_points":["One, two","Thr\\\\ee"],"program":"x = 1\\nprint(x)","opinion":{"risk":"low"}}';
const readable =
  'Cars "out" änd\n quiet.\n\n**Key points**\n- One, two\n- Thr\\ee\n\n**Calculation**\n```\nx = 1\nprint(x)\n```';

describe('push()', () => {
  test('shows titled strings and hides the rest', () => {
    expect(new LiveText(fields).push(json)).toBe(readable);
  });

  test('gives the same text however the JSON is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(json.length), { maxLength: 12 }), (cuts) => {
        const places = [0, ...cuts.toSorted((left, right) => left - right), json.length];
        const live = new LiveText(fields);
        const pieces = places.slice(1).map((end, index) => live.push(json.slice(places[index], end)));
        expect(pieces.join('')).toBe(readable);
      }),
    );
  });

  test.each([
    ['an array', '{"program":["x = 1","print(x)"],"opinion":{"risk":"low"}}'],
    ['several fields', '{"program":{"figures":["x = 1"],"print":"print(x)"},"opinion":{"risk":"low"}}'],
  ])('puts the lines of a program in %s into one fence', (_what, text) => {
    const code = { style: 'code' } as const;
    const live = new LiveText({ program: code, figures: code, print: code });
    expect(live.push(text)).toBe('```\nx = 1\nprint(x)\n```');
  });

  test('shows nothing for empty strings and for what is not JSON', () => {
    expect(new LiveText(fields).push('{"summary":"","program":""} so there')).toBe('');
  });

  test('never throws', () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...'{}[]",:\\ua1'.split('')) }), (text) => {
        expect(typeof new LiveText(fields).push(text)).toBe('string');
      }),
    );
  });
});
