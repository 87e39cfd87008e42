import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { ByteTail, keepTail } from './byte-tail.ts';

describe('ByteTail', () => {
  test.each([
    [['ab', 'cd'], 'abcd'],
    [['abcdefgh'], 'abcdefgh'],
    [['abcdefgh', 'i'], 'bcdefghi'],
    [['0123456789abcdefghijk', 'xyz'], 'ghijkxyz'],
    [['abcde', 'fghij', 'klmno'], 'hijklmno'],
    [[], ''],
  ])('keeps the last 8 bytes of %j', (parts, kept) => {
    const tail = new ByteTail(8);
    for (const part of parts) tail.add(Buffer.from(part));
    expect(tail.toString()).toBe(kept);
  });
});

describe('keepTail()', () => {
  test('leaves a stream alone for a while after each piece', async () => {
    const stream = new PassThrough();
    const { tail } = keepTail(stream, 1024);
    stream.write('first');
    await expect.poll(() => tail.toString()).toBe('first');
    stream.write('second');
    expect(stream.isPaused()).toBe(true);
    await expect.poll(() => tail.toString()).toBe('firstsecond');
    stream.destroy();
  });

  test('reads the rest at once when it is the last', async () => {
    const stream = new PassThrough();
    const { tail, hurry } = keepTail(stream, 4);
    stream.write('begun');
    await expect.poll(() => stream.isPaused()).toBe(true);
    stream.end('the end');
    hurry();
    await once(stream, 'end');
    expect(tail.toString()).toBe(' end');
  });
});
