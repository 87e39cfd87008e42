import { describe, expect, test } from 'vitest';
import { BigboxError } from '../../contracts/errors.ts';
import { Interrupted, exitCodeOf, formatError } from './error.ts';

const portInUse = new BigboxError('PORT_IN_USE', {
  message: 'Port 3000 is taken',
  remedy: 'Stop what listens there, or choose another with --port.',
});

describe('formatError()', () => {
  test('says what failed, what to do, and the code last', () => {
    expect(formatError(portInUse, { debug: false })).toBe(
      'error: Port 3000 is taken. Stop what listens there, or choose another with --port.\n  (PORT_IN_USE)\n',
    );
  });

  test('calls anything unknown a fault of Bigbox and shows the stack and its causes only for --debug', () => {
    const bug = new TypeError('x is not a function', { cause: new Error('underneath') });
    expect(formatError(bug, { debug: false })).toBe(
      'error: A fault in Bigbox itself: x is not a function. Run it again with --debug and report what it prints.\n  (INTERNAL)\n',
    );
    expect(formatError(bug, { debug: true })).toMatch(/error\.test\.ts[^]*caused by Error: underneath/);
  });
});

describe('exitCodeOf()', () => {
  test.each([
    [portInUse, 1],
    [new BigboxError('WRONG_USAGE', { message: 'x' }), 2],
    [new BigboxError('SERVICE_NOT_RUNNING', { message: 'x' }), 3],
    [new Interrupted(), 130],
    [new Error('x'), 1],
    ['a string', 1],
  ])('%s ends with %i', (thrown, code) => {
    expect(exitCodeOf(thrown)).toBe(code);
  });
});
