import { describe, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { runSteps } from './run-steps.ts';
import type { SetupStepName, Step, StepEvent } from './step.ts';

const options = (signal = new AbortController().signal, cores = 2): Parameters<typeof runSteps>[1] => ({
  cores,
  clock: systemClock,
  signal,
});

const step = (name: SetupStepName, more: Partial<Step> = {}): Step => ({
  name,
  needs: [],
  heavy: false,
  run: ({ report }) => {
    report({});
    return Promise.resolve('');
  },
  ...more,
});

const collect = async (events: AsyncIterable<StepEvent>): Promise<readonly string[]> =>
  (await Array.fromAsync(events))
    .filter(({ type }) => type !== 'step-progress')
    .map(({ type, step: name }) => `${name} ${type.replace('step-', '')}`);

describe('runSteps()', () => {
  test('starts a step only when what it needs is done', async () => {
    const events = await collect(
      runSteps(
        [step('vm image', { needs: ['guest agent'] }), step('guest agent', { needs: ['packages'] }), step('packages')],
        options(),
      ),
    );
    expect(events).toEqual([
      'packages started',
      'packages done',
      'guest agent started',
      'guest agent done',
      'vm image started',
      'vm image done',
    ]);
  });

  test('runs independent steps side by side', async () => {
    const model = Promise.withResolvers<string>();
    const meeting = (mine: PromiseWithResolvers<string>, other: PromiseWithResolvers<string>): Step['run'] => {
      return ({ report }) => {
        report({});
        other.resolve('met');
        return mine.promise;
      };
    };
    const pages = Promise.withResolvers<string>();
    const events = await collect(
      runSteps(
        [step('model', { run: meeting(model, pages) }), step('web pages', { run: meeting(pages, model) })],
        options(),
      ),
    );
    expect(events).toContain('model done');
    expect(events).toContain('web pages done');
  });

  test('runs at most as many heavy steps as there are cores', async () => {
    let running = 0;
    let most = 0;
    const heavy: Partial<Step> = {
      heavy: true,
      run: async () => {
        running += 1;
        most = Math.max(most, running);
        await Promise.resolve();
        running -= 1;
        return '';
      },
    };
    await collect(
      runSteps([step('guest agent', heavy), step('vm image', heavy), step('web pages', heavy)], options(undefined, 1)),
    );
    expect(most).toBe(1);
  });

  test('leaves out what needs a failed step, goes on with what only follows it, and says what still works', async () => {
    const failing = step('vm image', {
      run: () => Promise.reject(new Error('no disk')),
      stillWorks: 'analysis without code',
    });
    const events = await Array.fromAsync(
      runSteps(
        [failing, step('template', { needs: ['vm image'] }), step('services', { needs: [], follows: ['vm image'] })],
        options(),
      ),
    );
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'step-failed', step: 'vm image', stillWorks: 'analysis without code' }),
    );
    expect(events).toContainEqual({ type: 'step-left-out', step: 'template', because: 'vm image' });
    expect(events).toContainEqual(expect.objectContaining({ type: 'step-done', step: 'services' }));
  });

  test('tells a step that worked from one that had nothing to do', async () => {
    const events = await Array.fromAsync(
      runSteps([step('packages', { run: () => Promise.resolve('') }), step('model')], options()),
    );
    expect(events).toContainEqual(expect.objectContaining({ type: 'step-done', step: 'packages', worked: false }));
    expect(events).toContainEqual(expect.objectContaining({ type: 'step-done', step: 'model', worked: true }));
  });

  test('starts nothing more after an abort and throws its reason when the running step has let go', async () => {
    const controller = new AbortController();
    let letGo = false;
    const packages = step('packages', {
      run: async ({ signal, report }) => {
        report({});
        const { promise, resolve } = Promise.withResolvers<void>();
        signal.addEventListener('abort', () => resolve());
        controller.abort(new Error('Ctrl-C'));
        await promise;
        letGo = true;
        signal.throwIfAborted();
        return '';
      },
    });
    const events = runSteps([packages, step('guest agent', { needs: ['packages'] })], options(controller.signal));
    const seen: StepEvent[] = [];
    const drain = async (): Promise<void> => {
      for await (const event of events) seen.push(event);
    };
    await expect(drain()).rejects.toThrow('Ctrl-C');
    expect(seen.filter(({ type }) => type === 'step-left-out')).toEqual([]);
    expect(letGo).toBe(true);
  });

  test('goes on where an interrupted run stopped', async () => {
    const finished = new Set<string>();
    const runs: string[] = [];
    const resumable = (name: SetupStepName, needs: readonly SetupStepName[]): Step =>
      step(name, {
        needs,
        run: ({ report }) => {
          if (finished.has(name)) return Promise.resolve('');
          report({});
          runs.push(name);
          if (name === 'vm image' && runs.length === 2) return Promise.reject(new Error('interrupted'));
          finished.add(name);
          return Promise.resolve('');
        },
      });
    const steps = [resumable('packages', []), resumable('vm image', ['packages'])];
    await collect(runSteps(steps, options()));
    const second = await collect(runSteps(steps, options()));
    expect(runs).toEqual(['packages', 'vm image', 'vm image']);
    expect(second).toEqual(['packages done', 'vm image started', 'vm image done']);
  });
});
