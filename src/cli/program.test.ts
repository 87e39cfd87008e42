import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { BigboxError } from '../contracts/errors.ts';
import { createProgram, runProgram } from './program.ts';

const goldens = join(import.meta.dirname, '..', '..', 'test', 'golden', 'help');

/** Every command with the words that lead to it. */
function paths(command: Command, words: readonly string[] = []): readonly (readonly string[])[] {
  return [words, ...command.commands.flatMap((child) => paths(child, [...words, child.name()]))];
}

const find = (words: readonly string[]): Command =>
  words.reduce((command, word) => command.commands.find((child) => child.name() === word)!, createProgram());

const helpOf = (words: readonly string[]): string => {
  let text = '';
  const command = find(words);
  command.configureOutput({
    writeOut: (more) => (text += more),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text;
};

const all = paths(createProgram());

describe('help', () => {
  test.each(all)('of bigbox %s %s is what was written down', async (...words) => {
    const chain = words.filter((word) => word !== undefined);
    await expect(helpOf(chain)).toMatchFileSnapshot(join(goldens, `${['bigbox', ...chain].join('-')}.txt`));
  });

  test.each(all)('of bigbox %s %s has a sentence, usage, and two examples that exist', (...words) => {
    const help = helpOf(words.filter((word) => word !== undefined));
    const [, sentence = '', examples = ''] = /\n\n([A-Z][^]*?\.)\n[^]*Examples:\n([^]*)$/.exec(help) ?? [];
    expect(sentence).not.toBe('');
    const lines = examples.trimEnd().split('\n');
    expect(lines).toHaveLength(2);
    for (const line of lines) {
      const called = /bigbox ((?:[a-z-]+ ?)+)/.exec(line)?.[1]?.trim().split(' ') ?? [];
      expect(
        all.some((path) => path.length > 0 && path.every((word, index) => called[index] === word)),
        line,
      ).toBe(true);
    }
  });
});

/** The code and message of what a command line is refused with. */
async function refusal(...args: readonly string[]): Promise<string> {
  const program = createProgram();
  const quiet = (command: Command): void => {
    command.configureOutput({ writeErr: () => undefined, writeOut: () => undefined });
    for (const child of command.commands) quiet(child);
  };
  quiet(program);
  try {
    await runProgram(program, args);
  } catch (error) {
    if (error instanceof BigboxError) return `${error.code} ${error.message}`;
    throw error;
  }
  return 'accepted';
}

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
    const refused = await refusal(...args);
    if (typeof expected === 'string') expect(refused).toBe(expected);
    else expect(refused).toMatch(expected);
  });

  test('accepts --help and --version of every command', async () => {
    for (const words of all) expect(await refusal(...words, '--help')).toBe('accepted');
    expect(await refusal('--version')).toBe('accepted');
  });

  test('says that nothing runs where nothing runs', async () => {
    const nowhere = resolve('/does/not/exist');
    for (const words of [['login-link'], ['key', 'create']])
      expect(await refusal(...words, '--data-dir', nowhere)).toBe(
        `SERVICE_NOT_RUNNING No Bigbox runs with the data of ${nowhere}.`,
      );
  });
});
