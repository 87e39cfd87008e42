import type { Command } from 'commander';

/** Adds real command lines, with what each does, to the end of a command's help. */
export function withExamples(
  command: Command,
  ...examples: readonly (readonly [line: string, does: string])[]
): Command {
  const width = Math.max(...examples.map(([line]) => line.length));
  const lines = examples.map(([line, does]) => `  ${line.padEnd(width)}  ${does}`);
  return command.addHelpText('after', `\nExamples:\n${lines.join('\n')}`);
}
