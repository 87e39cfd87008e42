import { describe, expect, test } from 'vitest';
import { describeMode, join, parentOf, toText } from './guest-path.ts';

describe('join() and parentOf()', () => {
  test('lead down and up again', () => {
    expect([join('/', 'etc'), join('/home/sandbox', 'a b')]).toEqual(['/etc', '/home/sandbox/a b']);
    expect(['/home/sandbox', '/home/sandbox/', '/home', '/'].map(parentOf)).toEqual(['/home', '/home', '/', '/']);
  });
});

describe('describeMode()', () => {
  test('writes permissions as ls does', () => {
    expect(describeMode({ kind: 'file', mode: 0o644 })).toBe('-rw-r--r--');
    expect(describeMode({ kind: 'directory', mode: 0o1751 })).toBe('drwxr-x--x');
  });
});

describe('toText()', () => {
  test('reads text and refuses what is none', () => {
    expect(toText(new TextEncoder().encode('grüße\n'))).toBe('grüße\n');
    expect([toText(Uint8Array.of(65, 0, 66)), toText(Uint8Array.of(0xff, 0xfe))]).toEqual([undefined, undefined]);
  });
});
