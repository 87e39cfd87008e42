import { spawn } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { BigboxError } from '../../contracts/errors.ts';
import { withExamples } from '../examples.ts';
import { type InstanceFlags, configurationOf, withInstanceFlags } from '../instance.ts';
import { exitCodes } from '../output/error.ts';

interface LogsFlags extends InstanceFlags {
  readonly follow?: true;
  readonly lines: string;
}

/** `bigbox logs`: what the services wrote. */
export function logsCommand(): Command {
  const command = withInstanceFlags(new Command('logs').description('Print what the services wrote, the newest last.'))
    .addArgument(new Argument('[service]', 'one service, by its name in bigbox status; all without it'))
    .addOption(new Option('-f, --follow', 'go on with what is written'))
    .addOption(new Option('-n, --lines <number>', 'lines of each log').default('50'))
    .action(logs);
  return withExamples(
    command,
    ['bigbox logs terraphim-server -f', 'follows the agent server'],
    ['bigbox logs -n 5', 'the last five lines of every log'],
  );
}

async function logs(service: string | undefined, flags: LogsFlags): Promise<void> {
  if (!/^\d+$/.test(flags.lines))
    throw new BigboxError('WRONG_USAGE', { message: `--lines is ${flags.lines}, expected a number.` });
  const directory = join(configurationOf(flags).dataDir, 'logs');
  const present = existsSync(directory)
    ? readdirSync(directory)
        .filter((file) => file.endsWith('.log'))
        .toSorted((a, b) => (a < b ? -1 : 1))
    : [];
  const chosen = service === undefined ? present : present.filter((file) => file === `${service}.log`);
  if (chosen.length === 0)
    throw new BigboxError('WRONG_USAGE', {
      message: service === undefined ? `There are no logs in ${directory} yet.` : `There is no log of ${service}.`,
      remedy:
        present.length === 0
          ? 'They begin with bigbox up.'
          : `There are: ${present.map((file) => file.slice(0, -4)).join(', ')}.`,
    });
  const follow = flags.follow === true ? ['-F'] : [];
  const files = chosen.map((file) => join(directory, file));
  const tail = spawn('tail', ['-n', flags.lines, ...follow, '--', ...files], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  const { promise, resolve, reject } = Promise.withResolvers<number | null>();
  tail.once('error', reject);
  tail.once('exit', resolve);
  const exitCode = await promise;
  if (exitCode !== 0) process.exitCode = exitCode ?? exitCodes.interrupted;
}
