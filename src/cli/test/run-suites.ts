import { AsyncQueue } from '../../lib/async.ts';
import type { SuiteRun } from './run-suite.ts';
import type { Suite } from './suite.ts';

export interface RunSuitesOptions {
  readonly cores: number;
  readonly run: (suite: Suite) => Promise<SuiteRun>;
}

const coresOf = (suite: Suite, available: number): number =>
  suite.cores === 'all' ? available : Math.min(suite.cores, available);

/**
 * Runs suites side by side as far as the cores go, in the given order, and yields each when it has ended. A suite that does not
 * fit waits and lets none of the later ones pass. Throws what `run` throws, after the running ones have ended.
 */
export async function* runSuites(all: readonly Suite[], options: RunSuitesOptions): AsyncGenerator<SuiteRun, void> {
  const waiting = [...all];
  const ended = new AsyncQueue<SuiteRun>();
  const running = new Map<Suite, Promise<void>>();
  let free = options.cores;
  let failure: { readonly error: unknown } | undefined;

  const start = (suite: Suite): void => {
    const cores = coresOf(suite, options.cores);
    free -= cores;
    const run = options
      .run(suite)
      .then((result) => ended.push(result))
      .catch((error: unknown) => (failure ??= { error }))
      .then(() => {
        free += cores;
        running.delete(suite);
        startWhatFits();
      });
    running.set(suite, run);
  };
  const startWhatFits = (): void => {
    while (failure === undefined && waiting[0] !== undefined && coresOf(waiting[0], options.cores) <= free)
      start(waiting.shift() as Suite);
    if (running.size > 0) return;
    if (failure === undefined) ended.end();
    else ended.fail(failure.error);
  };

  startWhatFits();
  yield* ended;
}
