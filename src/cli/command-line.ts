import { type Command, CommanderError } from 'commander';
import { BigboxError } from '../contracts/errors.ts';
import { debugFlag } from './flags/debug.ts';
import { exitCodes, exitCodeOf, formatError } from './output/error.ts';

/** Makes every command of a program throw instead of ending the process, and keeps its errors for our own form. */
export function throwInstead(command: Command): Command {
  command
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .helpCommand(false);
  if (command.parent !== null) command.addOption(debugFlag());
  for (const child of command.commands) throwInstead(child);
  return command;
}

/**
 * Runs a command line to its end and answers with the exit code where the command sets none.
 * Throws WRONG_USAGE for a command line that is not understood, and what the command throws.
 */
export async function runProgram(program: Command, args: readonly string[]): Promise<void> {
  try {
    await program.parseAsync(args, { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    if (error.exitCode === exitCodes.done) return;
    // Help without a command is asked for by nobody: it is shown, and the usage was wrong.
    if (error.code === 'commander.help') throw new BigboxError('WRONG_USAGE', { message: 'A command is missing.' });
    throw new BigboxError('WRONG_USAGE', { message: toSentence(error.message), cause: error });
  }
}

function toSentence(message: string): string {
  const text = message
    .replace(/^error: /, '')
    .replaceAll('\n', ' ')
    .trim();
  const start = text.charAt(0).toUpperCase() + text.slice(1);
  return /[.?!)]$/.test(start) ? start.replace(/\s*\(Did you mean (.*)\?\)$/, '. Did you mean $1?') : `${start}.`;
}

/** Runs the program of this process with its arguments, and ends it with the exit code and the error that a person reads. */
export async function runMain(program: Command): Promise<void> {
  // A reader that closes early (`bigbox logs | head`) ends the command quietly.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0);
    throw error;
  });
  const args = process.argv.slice(2);
  const own = args.includes('--') ? args.slice(0, args.indexOf('--')) : args;
  try {
    await runProgram(program, args);
  } catch (error) {
    process.stderr.write(formatError(error, { debug: own.includes('--debug') }));
    process.exitCode = exitCodeOf(error);
  }
}
