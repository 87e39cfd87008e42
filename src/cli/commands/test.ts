import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { loadConfiguration, processEnvironment } from '../../config/index.ts';
import { BigboxError } from '../../contracts/errors.ts';
import { withExamples } from '../examples.ts';
import { yesFlag } from '../flags/yes.ts';
import { interruptible } from '../interruption.ts';
import { exitCodes } from '../output/error.ts';
import { formatDuration, formatLine } from '../output/format.ts';
import { root } from '../root.ts';
import { describeFailure, describeRun, describeSkips } from '../test/describe.ts';
import { sumOutcomes } from '../test/read-results.ts';
import { type SuiteRun, runSuite } from '../test/run-suite.ts';
import { runSuites } from '../test/run-suites.ts';
import type { Suite } from '../test/suite.ts';
import { presentSuites } from '../test/suites.ts';
import { keepTimes, readTimes } from '../test/times.ts';

interface TestFlags {
  readonly list?: true;
  readonly long?: true;
  readonly yes?: true;
}

/** `bigbox test`: runs the suites with all that they need. */
export function testCommand(): Command {
  const command = new Command('test')
    .description('Run the test suites, after setting up what they need.')
    .addArgument(new Argument('[suite...]', 'names of suites; all without a name'))
    .addOption(new Option('--list', 'list the suites with the time each took last'))
    .addOption(new Option('--long', 'also run the repetitions that take long'))
    .addOption(yesFlag())
    .action((names: readonly string[], flags: TestFlags) => runTests(names, flags));
  return withExamples(command, ['bigbox test', 'runs everything'], ['bigbox test unit layers', 'runs two suites']);
}

function choose(names: readonly string[]): readonly Suite[] {
  const present = presentSuites(root);
  const unknown = names.filter((name) => !present.some((suite) => suite.name === name));
  if (unknown.length > 0)
    throw new BigboxError('WRONG_USAGE', {
      message: `There is no suite ${unknown.join(', ')}.`,
      remedy: `The suites are: ${present.map(({ name }) => name).join(', ')}.`,
    });
  return names.length === 0 ? present : present.filter(({ name }) => names.includes(name));
}

async function runTests(names: readonly string[], flags: TestFlags): Promise<void> {
  const chosen = choose(names);
  const { cacheDir } = loadConfiguration();
  const directory = join(cacheDir, 'tests');
  if (flags.list === true) return list(chosen, directory);
  const runs = await interruptible((signal) => runAll(chosen, { directory, flags, signal }));
  const total = sumOutcomes(runs.map(({ outcome }) => outcome));
  await keepTimes(
    directory,
    Object.fromEntries(
      runs.filter(({ outcome }) => outcome.failed === 0).map((run) => [run.suite.name, Math.round(run.durationMs)]),
    ),
  );
  process.stdout.write(`${total.passed} passed, ${total.failed} failed, ${total.skipped} skipped\n`);
  if (total.failed > 0) process.exitCode = exitCodes.failed;
}

async function list(chosen: readonly Suite[], directory: string): Promise<void> {
  const times = await readTimes(directory);
  for (const { name, proves } of chosen) {
    const time = times[name];
    process.stdout.write(`${formatLine(name, '', time === undefined ? '' : formatDuration(time), proves)}\n`);
  }
}

interface RunAllOptions {
  readonly directory: string;
  readonly flags: TestFlags;
  readonly signal: AbortSignal;
}

async function runAll(chosen: readonly Suite[], options: RunAllOptions): Promise<readonly SuiteRun[]> {
  const environment = { ...processEnvironment(), ...(options.flags.long === true ? { BIGBOX_TEST_LONG: '1' } : {}) };
  const runs: SuiteRun[] = [];
  const results = runSuites(chosen, {
    cores: availableParallelism(),
    run: (suite) => runSuite(suite, { root, directory: options.directory, environment, signal: options.signal }),
  });
  for await (const run of results) {
    runs.push(run);
    process.stderr.write(`${describeRun(run)}\n`);
    process.stderr.write(describeSkips(run));
    if (run.outcome.failed > 0) process.stderr.write(describeFailure(run));
  }
  return runs;
}
