import { describe, expect, test } from 'vitest';
import { BigboxError } from '../../contracts/errors.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { SetupView } from './setup-view.ts';

function view(isTTY: boolean): {
  readonly setup: SetupView;
  readonly written: () => string;
  readonly pass: (ms: number) => void;
} {
  let now = 0;
  let text = '';
  const clock: Clock = { ...systemClock, monotonic: () => now };
  const stream = { isTTY, columns: 80, write: (more: string) => (text += more) };
  return {
    setup: new SetupView(stream, { clock, debug: false }),
    written: () => text,
    pass: (ms) => void (now += ms),
  };
}

describe('SetupView', () => {
  test('without a terminal writes one plain line for each step, and none for what was there', () => {
    const { setup, written, pass } = view(false);
    setup.handle({ type: 'step-started', step: 'packages' });
    setup.handle({ type: 'step-progress', step: 'packages', progress: { completed: 1, total: 3, unit: 'packages' } });
    pass(14_200);
    setup.handle({ type: 'step-done', step: 'packages', detail: '', durationMs: 14_200, worked: true });
    setup.handle({ type: 'step-done', step: 'guest agent', detail: '', durationMs: 3, worked: false });
    expect(written()).toBe('  packages        done    14.2 s\n');
  });

  test('on a terminal counts real units and folds the line when the step is done', () => {
    const { setup, written, pass } = view(true);
    const bytes = (completed: number) => ({ completed, total: 1_117_000_000, unit: 'bytes' as const });
    setup.handle({ type: 'step-started', step: 'model' });
    setup.handle({ type: 'step-progress', step: 'model', progress: bytes(0) });
    pass(10_000);
    setup.handle({ type: 'step-progress', step: 'model', progress: bytes(536_000_000) });
    expect(written().split('\u001B[J').at(-1)).toBe('  model           47 %    10.0 s   536 of 1117 MB, 54 MB/s\n');
    setup.handle({ type: 'step-done', step: 'model', detail: 'qwen', durationMs: 20_000, worked: true });
    expect(written().endsWith('\u001B[1A\u001B[J  model           done    20.0 s   qwen\n')).toBe(true);
  });

  test('says which step failed, why, what to do, and what still works', () => {
    const { setup, written } = view(false);
    const error = new BigboxError('SETUP_STEP_FAILED', { message: 'No package qemu.', remedy: 'Enable main.' });
    setup.handle({
      type: 'step-failed',
      step: 'packages',
      error,
      durationMs: 900,
      stillWorks: 'Analysis without code.',
    });
    setup.handle({ type: 'step-left-out', step: 'vm image', because: 'packages' });
    expect(written()).toBe(
      [
        '  packages        failed  0.9 s',
        '    error: No package qemu. Enable main.',
        '      (SETUP_STEP_FAILED)',
        '    What still works: Analysis without code.',
        '  vm image        left out          needs packages',
        '',
      ].join('\n'),
    );
  });
});
