import { describe, expect, test } from 'vitest';
import { OutputLog, type OutputStream } from './output-log.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');

/** Everything from a position on, as a reader would get it. */
function readAll(log: OutputLog, from = 0): { stream: OutputStream; offset: number; text: string }[] {
  const found: { stream: OutputStream; offset: number; text: string }[] = [];
  for (let piece = log.read(from); piece !== undefined; piece = log.read(piece.offset + piece.data.length))
    found.push({ stream: piece.stream, offset: piece.offset, text: Buffer.from(piece.data).toString('utf8') });
  return found;
}

describe('OutputLog', () => {
  test('keeps both streams in the order of their arrival, with positions over both', () => {
    const log = new OutputLog(100);
    log.add('stdout', bytes('ab'));
    log.add('stdout', bytes('c'));
    log.add('stderr', bytes('d'));
    log.add('stdout', bytes('e'));
    expect(readAll(log)).toEqual([
      { stream: 'stdout', offset: 0, text: 'abc' },
      { stream: 'stderr', offset: 3, text: 'd' },
      { stream: 'stdout', offset: 4, text: 'e' },
    ]);
    expect(log.text('stdout')).toBe('abce');
    expect(log.bytes).toEqual({ stdout: 4, stderr: 1 });
  });

  test('goes on inside a piece that has grown since it was read', () => {
    const log = new OutputLog(100);
    log.add('stdout', bytes('ab'));
    log.add('stdout', bytes('cd'));
    expect(readAll(log, 2)).toEqual([{ stream: 'stdout', offset: 2, text: 'cd' }]);
    expect(log.read(4)).toBeUndefined();
  });

  test('keeps the newest bytes and counts those it dropped', () => {
    const log = new OutputLog(10);
    log.add('stderr', bytes('lost'));
    log.add('stdout', bytes('0123456789'));
    log.add('stdout', bytes('ab'));
    expect(log.first).toBe(6);
    expect(log.end).toBe(16);
    expect(readAll(log)).toEqual([{ stream: 'stdout', offset: 6, text: '23456789ab' }]);
  });

  test('gives whole characters, whatever pieces they come in', () => {
    const log = new OutputLog(100);
    const text = 'a€🙂é';
    for (const byte of bytes(text)) {
      log.add('stdout', Uint8Array.of(byte));
      log.add('stderr', bytes('!'));
    }
    log.finish();
    const parts = readAll(log).filter(({ stream }) => stream === 'stdout');
    expect(parts.map(({ text: part }) => part)).toEqual(['a', '€', '🙂', 'é']);
    expect(log.end).toBe(2 * bytes(text).length);
  });

  test('drops whole characters at the start of what is kept', () => {
    const log = new OutputLog(4);
    log.add('stdout', bytes('€€'));
    expect(readAll(log)).toEqual([{ stream: 'stdout', offset: 3, text: '€' }]);
  });

  test('gives the start of a character whose rest never came', () => {
    const log = new OutputLog(10);
    log.add('stdout', bytes('€').subarray(0, 2));
    expect(log.end).toBe(0);
    log.finish();
    expect(log.end).toBe(2);
    expect(log.text('stdout')).toBe('\uFFFD');
  });

  test('has no hole and no repeat for any pattern of writes', () => {
    const log = new OutputLog(5000);
    let whole = '';
    for (let index = 0; index < 3000; index += 1) {
      const text = String(index).repeat(1 + (index % 7));
      whole += text;
      log.add(index % 3 === 0 ? 'stderr' : 'stdout', bytes(text));
    }
    const parts = readAll(log, log.first);
    expect(parts.map(({ text }) => text).join('')).toBe(whole.slice(-5000));
    expect(log.first).toBe(whole.length - 5000);
  });

  test('bounds the pieces of output that alternates between the streams', () => {
    const log = new OutputLog(1_000_000);
    for (let index = 0; index < 10_000; index += 1) log.add(index % 2 === 0 ? 'stdout' : 'stderr', bytes('x'));
    expect(readAll(log, log.first)).toHaveLength(4096);
    expect(log.first).toBe(10_000 - 4096);
  });
});
