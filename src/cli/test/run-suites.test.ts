import { describe, expect, test } from 'vitest';
import type { SuiteRun } from './run-suite.ts';
import { runSuites } from './run-suites.ts';
import type { Suite } from './suite.ts';

const suite = (name: string, cores: Suite['cores']): Suite => ({
  name,
  proves: '',
  program: { kind: 'check', command: ['true'] },
  limitMs: 1000,
  cores,
  needs: [],
});

const green = (ended: Suite): SuiteRun => ({
  suite: ended,
  outcome: { passed: 1, failed: 0, skipped: 0, failures: [], skips: [] },
  durationMs: 1,
  outputFile: '',
  leftovers: [],
});

/** Suites that end when the test says so, and a record of what ran beside what. */
function manual(): {
  readonly started: string[];
  readonly end: (name: string) => void;
  readonly run: (suite: Suite) => Promise<SuiteRun>;
} {
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    started,
    end: (name) => ends.get(name)?.(),
    run: (next) => {
      started.push(next.name);
      const { promise, resolve } = Promise.withResolvers<SuiteRun>();
      ends.set(next.name, () => resolve(green(next)));
      return promise;
    },
  };
}

describe('runSuites()', () => {
  test('runs suites side by side up to the cores and keeps their order', async () => {
    const { started, end, run } = manual();
    const results = runSuites([suite('a', 1), suite('b', 1), suite('c', 'all'), suite('d', 1)], { cores: 2, run });
    const first = results.next();
    expect(started).toEqual(['a', 'b']);
    end('b');
    expect((await first).value?.suite.name).toBe('b');
    const second = results.next();
    expect(started).toEqual(['a', 'b']);
    end('a');
    expect((await second).value?.suite.name).toBe('a');
    const third = results.next();
    await Promise.resolve();
    expect(started).toEqual(['a', 'b', 'c']);
    end('c');
    expect((await third).value?.suite.name).toBe('c');
    const last = results.next();
    await Promise.resolve();
    end('d');
    expect((await last).value?.suite.name).toBe('d');
    expect((await results.next()).done).toBe(true);
  });

  test('ends at once without suites', async () => {
    const results = runSuites([], { cores: 2, run: () => Promise.reject(new Error('never')) });
    expect((await results.next()).done).toBe(true);
  });

  test('waits for the running ones, starts no further one, and throws what a run threw', async () => {
    const started: string[] = [];
    const { promise, resolve } = Promise.withResolvers<SuiteRun>();
    const results = runSuites([suite('a', 1), suite('b', 1), suite('c', 1)], {
      cores: 2,
      run: (next) => {
        started.push(next.name);
        return next.name === 'a' ? Promise.reject(new Error('no disk')) : promise;
      },
    });
    const first = results.next();
    resolve(green(suite('b', 1)));
    expect((await first).value?.suite.name).toBe('b');
    await expect(results.next()).rejects.toThrow('no disk');
    expect(started).toEqual(['a', 'b']);
  });
});
