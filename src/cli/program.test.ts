import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { describeHelp, pathsOf, refusalOf } from '../../test/fixtures/help.ts';
import { createProgram } from './program.ts';

describeHelp(createProgram);

describe('runProgram()', () => {
  test.each([
    [['statis'], "WRONG_USAGE Unknown command 'statis'. Did you mean status?"],
    [['up', '--prot', '3000'], "WRONG_USAGE Unknown option '--prot'. Did you mean --port?"],
    [
      ['up', '--port', '70000'],
      "WRONG_USAGE Option '--port <number>' argument '70000' is invalid. A port is a number from 0 to 65535.",
    ],
    [['up', '--port'], "WRONG_USAGE Option '--port <number>' argument missing."],
    [['run', 'parallel'], "WRONG_USAGE Missing required argument 'topic'."],
    [['run', 'parallel', 'Tea', '--domains', 'a,,b'], /^WRONG_USAGE .* without empty ones\.$/],
    [['logs', '-n', 'few'], 'WRONG_USAGE --lines is few, expected a number.'],
    [['test', 'nonsense'], 'WRONG_USAGE There is no suite nonsense.'],
    [[], 'WRONG_USAGE A command is missing.'],
    [['models'], 'WRONG_USAGE A command is missing.'],
  ])('refuses %j', async (args, expected) => {
    const refused = await refusalOf(createProgram(), ...args);
    if (typeof expected === 'string') expect(refused).toBe(expected);
    else expect(refused).toMatch(expected);
  });

  test('accepts --help and --version of every command', async () => {
    for (const words of pathsOf(createProgram()))
      expect(await refusalOf(createProgram(), ...words, '--help')).toBe('accepted');
    expect(await refusalOf(createProgram(), '--version')).toBe('accepted');
  });

  test('says that nothing runs where nothing runs', async () => {
    const nowhere = resolve('/does/not/exist');
    for (const words of [['login-link'], ['key', 'create']])
      expect(await refusalOf(createProgram(), ...words, '--data-dir', nowhere)).toBe(
        `SERVICE_NOT_RUNNING No Bigbox runs with the data of ${nowhere}.`,
      );
  });
});
