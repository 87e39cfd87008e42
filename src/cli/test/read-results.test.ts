import { describe, expect, test } from 'vitest';
import { judge, readCargoOutput, readVitestReport } from './read-results.ts';

const report = (files: readonly unknown[]): string => JSON.stringify({ testResults: files });
const result = (fullName: string, status: string, failureMessages: readonly string[] = []): unknown => ({
  fullName,
  status,
  failureMessages,
});

describe('readVitestReport()', () => {
  test('counts every test and keeps what failed tests say', () => {
    const outcome = readVitestReport(
      report([
        {
          name: 'a.test.ts',
          status: 'passed',
          assertionResults: [result('a one', 'passed'), result('a two', 'skipped')],
        },
        { name: 'b.test.ts', status: 'failed', assertionResults: [result('b one', 'failed', ['expected 1'])] },
      ]),
    );
    expect(outcome).toMatchObject({ passed: 1, failed: 1, skipped: 1 });
    expect(outcome.failures).toEqual([{ name: 'b one', message: 'expected 1' }]);
    expect(outcome.skips[0]?.name).toBe('a two');
  });

  test('counts a file that cannot be loaded as a failure', () => {
    const outcome = readVitestReport(
      report([{ name: 'c.test.ts', status: 'failed', message: 'Cannot find module', assertionResults: [] }]),
    );
    expect(outcome.failures).toEqual([{ name: 'c.test.ts', message: 'Cannot find module' }]);
  });

  test('counts a missing or cut report as a failure', () => {
    expect(readVitestReport('').failed).toBe(1);
    expect(readVitestReport('{"testResults": [').failed).toBe(1);
  });
});

describe('readCargoOutput()', () => {
  test('adds the programs up and keeps the output of the failed tests', () => {
    const outcome = readCargoOutput(
      [
        'test frames::splits ... ok',
        'test tree::kills ... FAILED',
        'test slow ... ignored, needs a clock',
        '---- tree::kills stdout ----',
        'assertion failed',
        'failures:',
        'test result: FAILED. 1 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out',
        'test result: ok. 4 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out',
      ].join('\n'),
    );
    expect(outcome).toEqual({
      passed: 5,
      failed: 1,
      skipped: 1,
      failures: [{ name: 'tree::kills', message: 'assertion failed' }],
      skips: [{ name: 'slow', message: 'needs a clock' }],
    });
  });
});

describe('judge()', () => {
  const green = { passed: 2, failed: 0, skipped: 0, failures: [], skips: [] };

  test('leaves a green suite green', () => {
    expect(judge(green, { exitCode: 0 }).failed).toBe(0);
  });

  test.each([
    ['a suite that ran no test', { ...green, passed: 0 }, { exitCode: 0 }],
    ['a suite of skips only', { ...green, passed: 0, skipped: 3 }, { exitCode: 0 }],
    ['a process that failed without a failed test', green, { exitCode: 1 }],
    ['a process that was killed', green, { exitCode: null }],
    ['a suite over its time limit', green, { exitCode: null, timedOutMs: 60_000 }],
  ])('fails %s', (_, outcome, end) => {
    expect(judge(outcome, end).failed).toBe(1);
  });
});
