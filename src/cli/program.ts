import { Command } from 'commander';
import { version } from '../lib/version.ts';
import { throwInstead } from './command-line.ts';
import { approvalsCommand } from './commands/approvals.ts';
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
    .addCommand(approvalsCommand())
    .addCommand(modelsCommand())
    .addCommand(testCommand());
  withExamples(
    program,
    ['bigbox up', 'sets up what is missing and starts everything'],
    ['bigbox run parallel "Is a four-day week worth it?"', 'runs an analysis here'],
  );
  return throwInstead(program);
}
