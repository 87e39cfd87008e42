import { AsyncQueue, Semaphore } from '../../lib/async.ts';
import type { Clock } from '../../lib/clock.ts';
import type { SetupStepName, Step, StepEvent } from './step.ts';

export interface RunStepsOptions {
  /** How many heavy steps run side by side. */
  readonly cores: number;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

type End = 'done' | 'failed' | 'left-out';

/**
 * Runs steps side by side as soon as what they wait for has ended, and yields what happens. A failed step takes only those along
 * that need it. Throws the signal's reason when aborted, after the running steps have let go. A name that is waited for but is not
 * among the steps counts as done.
 */
export async function* runSteps(steps: readonly Step[], options: RunStepsOptions): AsyncGenerator<StepEvent, void> {
  const events = new AsyncQueue<StepEvent>();
  const places = new Semaphore(options.cores);
  const ends = new Map<SetupStepName, PromiseWithResolvers<End>>(
    steps.map(({ name }) => [name, Promise.withResolvers<End>()]),
  );
  const endOf = (name: SetupStepName): Promise<End> => ends.get(name)?.promise ?? Promise.resolve('done');

  const perform = async (step: Step): Promise<End> => {
    for (const name of step.follows ?? []) await endOf(name);
    for (const name of step.needs) {
      if ((await endOf(name)) === 'done') continue;
      options.signal.throwIfAborted();
      events.push({ type: 'step-left-out', step: step.name, because: name });
      return 'left-out';
    }
    const leave = step.heavy ? await places.acquire(options.signal) : undefined;
    try {
      return await runStep(step, events, options);
    } finally {
      leave?.();
    }
  };

  const all = steps.map(async (step) => {
    const end = await perform(step).catch((): End => 'failed');
    ends.get(step.name)?.resolve(end);
  });
  void Promise.all(all).then(() => events.end());
  yield* events;
  options.signal.throwIfAborted();
}

async function runStep(step: Step, events: AsyncQueue<StepEvent>, options: RunStepsOptions): Promise<End> {
  const { clock, signal } = options;
  signal.throwIfAborted();
  const started = clock.monotonic();
  let worked = false;
  try {
    const detail = await step.run({
      signal,
      report: (progress) => {
        if (!worked) events.push({ type: 'step-started', step: step.name });
        worked = true;
        events.push({ type: 'step-progress', step: step.name, progress });
      },
    });
    events.push({ type: 'step-done', step: step.name, detail, worked, durationMs: clock.monotonic() - started });
    return 'done';
  } catch (error) {
    signal.throwIfAborted();
    const { stillWorks } = step;
    const durationMs = clock.monotonic() - started;
    events.push({
      type: 'step-failed',
      step: step.name,
      error,
      durationMs,
      ...(stillWorks === undefined ? {} : { stillWorks }),
    });
    return 'failed';
  }
}
