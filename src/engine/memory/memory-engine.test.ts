import { describe, expect, test, vi } from 'vitest';
import { defineWorkflow } from '../engine.ts';
import { createMemoryEngine } from './memory-engine.ts';

describe('memory engine', () => {
  test('aborts the signal of a cancelled run only', async () => {
    const engine = createMemoryEngine();
    const signals = new Map<string, AbortSignal>();
    const ended = Promise.withResolvers<void>();
    await engine.serve(
      defineWorkflow({
        name: 'test',
        version: 1,
        run: (context) => {
          signals.set(context.runId, context.signal);
          return ended.promise;
        },
        branch: () => Promise.resolve(),
      }),
    );
    await engine.start('one');
    await engine.start('two');
    engine.cancel('one', new Error('enough'));
    expect(signals.get('one')?.reason).toMatchObject({ message: 'enough' });
    expect(signals.get('two')?.aborted).toBe(false);
    ended.resolve();
    await engine.close(new Error('over'));
    expect(signals.get('two')?.aborted).toBe(true);
  });

  test('keeps what a workflow throws again and again', async () => {
    const engine = createMemoryEngine();
    let attempts = 0;
    const run = (): Promise<void> => {
      attempts += 1;
      return Promise.reject(new Error(`attempt ${attempts}`));
    };
    await engine.serve(defineWorkflow({ name: 'test', version: 1, run, branch: () => Promise.resolve() }));
    await engine.start('one');
    await vi.waitFor(() => expect(engine.failures).toHaveLength(1));
    await engine.close(new Error('over'));
  });
});
