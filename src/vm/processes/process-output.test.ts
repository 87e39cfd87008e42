import { describe, expect, test } from 'vitest';
import { type OutputReport, ProcessOutput } from './process-output.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'utf8');
const never = new AbortController().signal;
const textOf = (reports: readonly OutputReport[]): string =>
  reports
    .map((report) =>
      report.type === 'output' ? Buffer.from(report.data).toString('utf8') : `<${report.end - report.offset}>`,
    )
    .join('');

describe('read()', () => {
  test('gives what is kept, then what comes, and ends when nothing more will', async () => {
    const output = new ProcessOutput(100);
    output.add('stdout', bytes('be'));
    const readers = [0, 1, 2].map((after) => Array.fromAsync(output.read(after, never)));
    output.add('stderr', bytes('fore'));
    output.finish();
    expect((await Promise.all(readers)).map(textOf)).toEqual(['before', 'efore', 'fore']);
  });

  test('tells a reader that is too slow how much it missed', async () => {
    const output = new ProcessOutput(4);
    output.add('stdout', bytes('ab'));
    const reader = output.read(0, never);
    const first = await reader.next();
    output.add('stdout', bytes('cdefgh'));
    output.finish();
    const rest = await Array.fromAsync(reader);
    expect(textOf([...(first.done === true ? [] : [first.value]), ...rest])).toBe('ab<2>efgh');
  });

  test('ends with the reason of its signal, also while it waits', async () => {
    const output = new ProcessOutput(4);
    const leaving = new AbortController();
    const waiting = Array.fromAsync(output.read(0, leaving.signal));
    leaving.abort(new Error('left'));
    await expect(waiting).rejects.toThrow('left');
  });
});

describe('assertReadable()', () => {
  test('refuses a position that is not there yet', () => {
    const output = new ProcessOutput(4);
    output.add('stdout', bytes('abcdef'));
    expect(() => output.assertReadable(6)).not.toThrow();
    expect(() => output.assertReadable(7)).toThrow(expect.objectContaining({ code: 'INVALID_REQUEST' }));
  });

  test('refuses one reader too many, until one has left', async () => {
    const output = new ProcessOutput(4);
    const leaving = new AbortController();
    const waiting = Array.from({ length: 16 }, () => output.read(0, leaving.signal).next());
    expect(() => output.assertReadable(0)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    leaving.abort(new Error('left'));
    await Promise.allSettled(waiting);
    expect(() => output.assertReadable(0)).not.toThrow();
  });
});
