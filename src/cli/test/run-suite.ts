import { spawn } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { nodeFlags } from '../../lib/node-flags.ts';
import { judge, readCargoOutput, readVitestReport } from './read-results.ts';
import type { Suite, SuiteOutcome, SuiteProgram } from './suite.ts';

export interface RunSuiteOptions {
  readonly root: string;
  /** Where the output and the report of the suite are kept. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly signal: AbortSignal;
}

export interface SuiteRun {
  readonly suite: Suite;
  readonly outcome: SuiteOutcome;
  readonly durationMs: number;
  /** Everything that the suite printed. */
  readonly outputFile: string;
  /** Commands of processes that the suite left behind; they were stopped. */
  readonly leftovers: readonly string[];
}

/** The variable that marks every process of a suite, so that what it leaves behind can be found. */
const mark = 'BIGBOX_TEST_SUITE';
/** The variable that says where a suite may leave raw results. */
const results = 'BIGBOX_TEST_RESULTS';

function commandOf(program: SuiteProgram, reportFile: string): readonly [string, ...string[]] {
  switch (program.kind) {
    case 'check':
      return program.command;
    case 'cargo':
      return ['cargo', 'test', '--locked'];
    case 'vitest':
      if (program.place !== 'lab') return vitestCommand(program, reportFile);
      return [
        'node',
        ...nodeFlags,
        'test/nested-kvm/main.ts',
        '--report',
        reportFile,
        '--',
        ...vitestCommand(program, '{report}'),
      ];
  }
}

function vitestCommand(
  { project, paths }: Extract<SuiteProgram, { readonly kind: 'vitest' }>,
  reportFile: string,
): readonly [string, ...string[]] {
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${reportFile}`];
  return ['node', ...nodeFlags, 'node_modules/vitest/vitest.mjs', 'run', '--project', project, ...reporters, ...paths];
}

/** Runs one suite to its end, its time limit or the abort of the signal. Throws the signal's reason when aborted. */
export async function runSuite(suite: Suite, options: RunSuiteOptions): Promise<SuiteRun> {
  options.signal.throwIfAborted();
  await mkdir(options.directory, { recursive: true });
  const reportFile = join(options.directory, `${suite.name}.json`);
  const outputFile = join(options.directory, `${suite.name}.log`);
  await rm(reportFile, { force: true });
  const id = `${suite.name}-${process.pid}-${Date.now()}`;
  const started = performance.now();
  const end = await runProcess(commandOf(suite.program, reportFile), {
    ...options,
    // Cargo finds its settings by the folder that it is started in.
    root: suite.program.kind === 'cargo' ? join(options.root, suite.program.directory) : options.root,
    outputFile,
    limitMs: suite.limitMs,
    environment: { ...options.environment, NO_COLOR: '1', [mark]: id, [results]: options.directory },
  });
  const leftovers = await stopLeftovers(id);
  options.signal.throwIfAborted();
  const read = await readOutcome(suite.program, { reportFile, outputFile, exitCode: end.exitCode });
  const outcome = judge(read, end);
  const explained = outcome.failed > read.failed ? await withLastWords(outcome, outputFile) : outcome;
  return { suite, outcome: explained, durationMs: performance.now() - started, outputFile, leftovers };
}

/** What no test reported is explained by what was printed last. */
async function withLastWords(outcome: SuiteOutcome, outputFile: string): Promise<SuiteOutcome> {
  const words = (await readFile(outputFile, 'utf8')).trimEnd().split('\n').slice(-40).join('\n');
  const failures = outcome.failures.map((failure, index) =>
    index === outcome.failures.length - 1 ? { ...failure, message: `${failure.message}\n${words}` } : failure,
  );
  return { ...outcome, failures };
}

interface Result {
  readonly reportFile: string;
  readonly outputFile: string;
  readonly exitCode: number | null;
}

async function readOutcome(program: SuiteProgram, result: Result): Promise<SuiteOutcome> {
  const read = (path: string): Promise<string> => readFile(path, 'utf8').catch(() => '');
  switch (program.kind) {
    case 'vitest':
      return readVitestReport(await read(result.reportFile));
    case 'cargo':
      return readCargoOutput(await read(result.outputFile));
    case 'check': {
      const counts = { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };
      if (result.exitCode === 0) return { ...counts, passed: 1 };
      const name = program.command.join(' ');
      return { ...counts, failed: 1, failures: [{ name, message: (await read(result.outputFile)).slice(-6000) }] };
    }
  }
}

interface ProcessEnd {
  readonly exitCode: number | null;
  readonly timedOutMs?: number;
}

interface ProcessOptions extends RunSuiteOptions {
  readonly outputFile: string;
  readonly limitMs: number;
}

async function runProcess(command: readonly [string, ...string[]], options: ProcessOptions): Promise<ProcessEnd> {
  const output = createWriteStream(options.outputFile);
  const [program, ...args] = command;
  const child = spawn(program, args, {
    cwd: options.root,
    env: options.environment,
    stdio: ['ignore', 'pipe', 'pipe'],
    detached: true,
  });
  child.stdout.pipe(output, { end: false });
  child.stderr.pipe(output, { end: false });
  const stop = (): void => killGroup(child.pid);
  let timedOut = false;
  const timer = setTimeout(() => {
    timedOut = true;
    stop();
  }, options.limitMs);
  options.signal.addEventListener('abort', stop, { once: true });
  if (options.signal.aborted) stop();
  try {
    const { promise, resolve, reject } = Promise.withResolvers<number | null>();
    child.once('error', reject);
    // A process that outlives the suite may hold its output open, so the exit counts and not the close.
    child.once('exit', resolve);
    const exitCode = await promise;
    return timedOut ? { exitCode, timedOutMs: options.limitMs } : { exitCode };
  } finally {
    clearTimeout(timer);
    options.signal.removeEventListener('abort', stop);
    stop();
    child.stdout.unpipe(output);
    child.stderr.unpipe(output);
    output.end();
    await finished(output);
  }
}

function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** Stops every process that carries the mark of a suite that has ended. Returns their command lines. */
async function stopLeftovers(id: string): Promise<readonly string[]> {
  const own = `${mark}=${id}`;
  const commands: string[] = [];
  for (const name of await readdir('/proc').catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    const variables = await readFile(`/proc/${name}/environ`, 'utf8').catch(() => '');
    if (!variables.split('\0').includes(own)) continue;
    const command = await readFile(`/proc/${name}/cmdline`, 'utf8').catch(() => '');
    try {
      process.kill(Number(name), 'SIGKILL');
      commands.push(command.split('\0').join(' ').trim());
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
  return commands.filter((command) => command !== '');
}
