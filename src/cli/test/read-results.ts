import { z } from 'zod';
import type { SuiteOutcome } from './suite.ts';

const VitestReport = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().optional(),
      assertionResults: z.array(
        z.object({
          fullName: z.string(),
          status: z.string(),
          failureMessages: z.array(z.string()).nullish(),
        }),
      ),
    }),
  ),
});

const none: SuiteOutcome = { passed: 0, failed: 0, skipped: 0, failures: [], skips: [] };

const withFailure = (outcome: SuiteOutcome, name: string, message: string): SuiteOutcome => ({
  ...outcome,
  failed: outcome.failed + 1,
  failures: [...outcome.failures, { name, message }],
});

type FileResult = z.infer<typeof VitestReport>['testResults'][number];

function readFile(file: FileResult): SuiteOutcome {
  const failed = file.assertionResults.filter(({ status }) => status === 'failed');
  const passed = file.assertionResults.filter(({ status }) => status === 'passed');
  const skipped = file.assertionResults.filter(({ status }) => status !== 'failed' && status !== 'passed');
  const outcome = {
    passed: passed.length,
    failed: failed.length,
    skipped: skipped.length,
    failures: failed.map((test) => ({ name: test.fullName, message: (test.failureMessages ?? []).join('\n') })),
    skips: skipped.map((test) => ({ name: test.fullName, message: '' })),
  };
  // A file that cannot be loaded has no tests, only a message: that is a failure, not an empty file.
  if (file.status === 'failed' && failed.length === 0)
    return withFailure(outcome, file.name, file.message || 'The file failed outside its tests.');
  return outcome;
}

/** Adds outcomes up. */
export function sumOutcomes(outcomes: readonly SuiteOutcome[]): SuiteOutcome {
  return outcomes.reduce(
    (sum, outcome) => ({
      passed: sum.passed + outcome.passed,
      failed: sum.failed + outcome.failed,
      skipped: sum.skipped + outcome.skipped,
      failures: [...sum.failures, ...outcome.failures],
      skips: [...sum.skips, ...outcome.skips],
    }),
    none,
  );
}

/** Reads the report of Vitest's JSON reporter. An unreadable report is one failure. */
export function readVitestReport(json: string): SuiteOutcome {
  const parsed = VitestReport.safeParse(tryJson(json));
  if (!parsed.success) return withFailure(none, 'report', 'Vitest ended without a readable report.');
  return sumOutcomes(parsed.data.testResults.map(readFile));
}

function tryJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads what `cargo test` prints: the result lines of all its programs, and the output of failed tests. */
export function readCargoOutput(text: string): SuiteOutcome {
  const count = (word: string): number =>
    [...text.matchAll(new RegExp(`^test result: .*?(\\d+) ${word}`, 'gm'))].reduce((sum, [, n]) => sum + Number(n), 0);
  const failures = [...text.matchAll(/^test (\S+) \.\.\. FAILED$/gm)].map(([, name = '']) => ({
    name,
    message:
      text
        .split(`---- ${name} stdout ----`)[1]
        ?.split(/\n----|\nfailures:/)[0]
        ?.trim() ?? '',
  }));
  const skips = [...text.matchAll(/^test (\S+) \.\.\. ignored(?:, (.*))?$/gm)].map(([, name = '', why = '']) => ({
    name,
    message: why,
  }));
  return { passed: count('passed'), failed: count('failed'), skipped: count('ignored'), failures, skips };
}

/** Judges a suite as a whole: a process that failed without a failed test, ran no test, or was stopped, counts as a failure. */
export function judge(
  outcome: SuiteOutcome,
  end: { readonly exitCode: number | null; readonly timedOutMs?: number },
): SuiteOutcome {
  if (end.timedOutMs !== undefined)
    return withFailure(outcome, 'time limit', `The suite was stopped after ${Math.round(end.timedOutMs / 1000)} s.`);
  if (outcome.failed > 0) return outcome;
  if (end.exitCode !== 0)
    return withFailure(
      outcome,
      'process',
      `The suite ended with exit code ${end.exitCode ?? 'none'} and no failed test.`,
    );
  if (outcome.passed === 0) return withFailure(outcome, 'no test', 'The suite ran no test that passed.');
  return outcome;
}
