import { Command, CommanderError } from 'commander';
import { BigboxError } from '../contracts/errors.ts';
import { version } from '../lib/version.ts';
import { downCommand } from './commands/down.ts';
import { keyCommand } from './commands/key.ts';
import { loginLinkCommand } from './commands/login-link.ts';
import { logsCommand } from './commands/logs.ts';
import { modelsCommand } from './commands/models.ts';
import { runCommand } from './commands/run.ts';
import { statusCommand } from './commands/status.ts';
import { testCommand } from './commands/test.ts';
import { upCommand } from './commands/up.ts';
import { withExamples } from './examples.ts';
import { debugFlag } from './flags/debug.ts';
import { exitCodes } from './output/error.ts';

/** Makes every command throw instead of ending the process, and keeps its errors for our own form. */
function throwInstead(command: Command): Command {
  command
    .exitOverride()
    .configureOutput({ outputError: () => undefined })
    .helpCommand(false);
  if (command.parent !== null) command.addOption(debugFlag());
  for (const child of command.commands) throwInstead(child);
  return command;
}

/** Builds the whole command line. */
export function createProgram(): Command {
  const program = new Command('bigbox')
    .description('A private AI cloud on this machine: agents in parallel, code in microVMs, everything live.')
    .version(version, '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .configureHelp({ sortOptions: false })
    .addCommand(upCommand())
    .addCommand(downCommand())
    .addCommand(statusCommand())
    .addCommand(logsCommand())
    .addCommand(runCommand())
    .addCommand(loginLinkCommand())
    .addCommand(keyCommand())
    .addCommand(modelsCommand())
    .addCommand(testCommand());
  withExamples(
    program,
    ['bigbox up', 'sets up what is missing and starts everything'],
    ['bigbox run parallel "Is a four-day week worth it?"', 'runs an analysis here'],
  );
  return throwInstead(program);
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
