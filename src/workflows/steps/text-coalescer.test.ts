import { describe, expect, test } from 'vitest';
import { silentClock } from './silent-clock.ts';
import { TextCoalescer, type TextPiece } from './text-coalescer.ts';

function setUp(): { readonly pieces: TextPiece[]; readonly text: TextCoalescer; readonly pass: () => Promise<void> } {
  const pieces: TextPiece[] = [];
  const clock = silentClock();
  const text = new TextCoalescer(clock, (piece) => {
    pieces.push(piece);
    return Promise.resolve();
  });
  return { pieces, text, pass: () => clock.pass() };
}

describe('TextCoalescer', () => {
  test('writes at 200 characters, and loses nothing', async () => {
    const { pieces, text } = setUp();
    for (let index = 0; index < 50; index += 1) await text.add('0123456789');
    const rest = text.take();
    const all = [...pieces, ...(rest === undefined ? [] : [rest])];
    expect(all.map((piece) => piece.text).join('')).toBe('0123456789'.repeat(50));
    expect(pieces.map((piece) => piece.tokens)).toEqual([20, 40]);
    expect(rest?.tokens).toBe(50);
  });

  test('writes what waits when the time has passed', async () => {
    const { pieces, text, pass } = setUp();
    await text.add('slow');
    expect(pieces).toEqual([]);
    await pass();
    expect(pieces).toEqual([{ text: 'slow', tokens: 1 }]);
    expect(text.take()).toBeUndefined();
  });

  test('reports a write by the timer that failed at the next delta', async () => {
    const clock = silentClock();
    const text = new TextCoalescer(clock, () => Promise.reject(new Error('disk full')));
    await text.add('a');
    await clock.pass();
    await expect(text.add('b')).rejects.toThrow('disk full');
  });
});
