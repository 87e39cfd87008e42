import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { Argument, Command, Option } from 'commander';
import { type Environment, loadConfiguration, processEnvironment } from '../../config/index.ts';
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
import { setUpFor } from '../test/set-up-for.ts';
import type { Suite, SuiteNeed } from '../test/suite.ts';
import { presentSuites } from '../test/suites.ts';
import { keepTimes, readTimes } from '../test/times.ts';

interface TestFlags {
  readonly debug?: true;
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

function choose(names: readonly string[], isLong: boolean): readonly Suite[] {
  const present = presentSuites(root);
  const unknown = names.filter((name) => !present.some((suite) => suite.name === name));
  if (unknown.length > 0)
    throw new BigboxError('WRONG_USAGE', {
      message: `There is no suite ${unknown.join(', ')}.`,
      remedy: `The suites are: ${present.map(({ name }) => name).join(', ')}.`,
    });
  if (names.length > 0) return present.filter(({ name }) => names.includes(name));
  return isLong ? present : present.filter(({ leftOutBecause }) => leftOutBecause === undefined);
}

async function runTests(names: readonly string[], flags: TestFlags): Promise<void> {
  const chosen = choose(names, flags.long === true || flags.list === true);
  const { cacheDir } = loadConfiguration();
  const directory = join(cacheDir, 'tests');
  if (flags.list === true) return list(chosen, directory);
  for (const { name, leftOutBecause } of names.length > 0 ? [] : presentSuites(root))
    if (leftOutBecause !== undefined && flags.long !== true)
      process.stdout.write(`  ${name} is left out: ${leftOutBecause}. Run bigbox test ${name}, or --long.\n`);
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

/** So many times its usual limit a suite may take with the repetitions that take long. */
const longFactor = 8;

interface RunAllOptions {
  readonly directory: string;
  readonly flags: TestFlags;
  readonly signal: AbortSignal;
}

async function runAll(chosen: readonly Suite[], options: RunAllOptions): Promise<readonly SuiteRun[]> {
  const { directory, flags, signal } = options;
  const failedSteps = await setUpFor(chosen, { yes: flags.yes === true, debug: flags.debug === true, signal });
  const environment = testEnvironment(flags);
  const runs: SuiteRun[] = [];
  const results = runSuites(chosen, {
    cores: availableParallelism(),
    run: async (suite) => {
      const missing = suite.needs.find((need) => failedSteps.includes(need));
      if (missing !== undefined) return withoutNeed(suite, missing);
      const limitMs = flags.long === true ? suite.limitMs * longFactor : suite.limitMs;
      return runSuite({ ...suite, limitMs }, { root, directory, environment, signal });
    },
  });
  for await (const run of results) {
    runs.push(run);
    process.stderr.write(`${describeRun(run)}\n`);
    process.stderr.write(describeSkips(run));
    if (run.outcome.failed > 0) process.stderr.write(describeFailure(run));
  }
  return runs;
}

const testEnvironment = (flags: TestFlags): Environment => ({
  ...processEnvironment(),
  CARGO_TARGET_DIR: join(loadConfiguration().cacheDir, 'tests', 'guest-target'),
  ...(flags.long === true ? { BIGBOX_TEST_LONG: '1' } : {}),
});

/** A suite whose set-up failed counts as one failure: it is neither left out nor green. */
const withoutNeed = (suite: Suite, step: SuiteNeed): SuiteRun => ({
  suite,
  outcome: {
    passed: 0,
    failed: 1,
    skipped: 0,
    failures: [{ name: suite.name, message: `The step "${step}" of its set-up failed; the reason stands above.` }],
    skips: [],
  },
  durationMs: 0,
  outputFile: 'none',
  leftovers: [],
});
