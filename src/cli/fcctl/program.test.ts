import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeHelp, pathsOf, refusalOf } from '../../../test/fixtures/help.ts';
import { createFcctl } from './program.ts';

describeHelp(createFcctl);

describe('fcctl', () => {
  test.each([
    [['vn'], "WRONG_USAGE Unknown command 'vn'. Did you mean vm?"],
    [['vm'], 'WRONG_USAGE A command is missing.'],
    [['vm', 'show'], "WRONG_USAGE Missing required argument 'vm'."],
    [['vm', 'rm'], "WRONG_USAGE Missing required argument 'vm'."],
    [['vm', 'exec', 'vm-1a2b3c4d'], "WRONG_USAGE Missing required argument 'command'."],
    [['vm', 'exec', 'vm-1a2b3c4d', 'ls', '-l'], "WRONG_USAGE Unknown option '-l'."],
    [
      ['vm', 'exec', 'vm-1a2b3c4d', '--env', '1A=b', '--', 'env'],
      "WRONG_USAGE Option '--env <name=value>' argument '1A=b' is invalid. A variable is set as NAME=VALUE.",
    ],
    [
      ['vm', 'exec', 'vm-1a2b3c4d', '--timeout', '-1', '--', 'env'],
      "WRONG_USAGE Option '--timeout <seconds>' argument '-1' is invalid. A time is a number of seconds, at most 604800.",
    ],
    [
      ['vm', 'create', '--label', 'a b=c'],
      "WRONG_USAGE Option '--label <key=value>' argument 'a b=c' is invalid. A label is set as KEY=VALUE, its key of letters, digits, dots, - and _.",
    ],
    [
      ['vm', 'fork', 'mine', '--count', '101'],
      "WRONG_USAGE Option '--count <number>' argument '101' is invalid. It is a number from 1 to 100.",
    ],
    [
      ['vm', 'list', '--state', 'asleep'],
      "WRONG_USAGE Option '--state <state>' argument 'asleep' is invalid. Allowed choices are creating, running, paused, stopped, failed.",
    ],
  ])('refuses %j', async (args, expected) => {
    expect(await refusalOf(createFcctl(), ...args)).toBe(expected);
  });

  test('accepts --help and --version of every command', async () => {
    for (const words of pathsOf(createFcctl()))
      expect(await refusalOf(createFcctl(), ...words, '--help')).toBe('accepted');
    expect(await refusalOf(createFcctl(), '--version')).toBe('accepted');
  });

  test('says that nothing runs where nothing runs', async () => {
    const nowhere = resolve('/does/not/exist');
    expect(await refusalOf(createFcctl(), 'vm', 'list', '--data-dir', nowhere)).toBe(
      `SERVICE_NOT_RUNNING No Bigbox runs with the data of ${nowhere}.`,
    );
  });
});
