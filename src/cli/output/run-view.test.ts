import { describe, expect, test } from 'vitest';
import type { RunEvent, RunEventBody } from '../../contracts/runs.ts';
import { systemClock } from '../../lib/clock.ts';
import { RunView } from './run-view.ts';

let sequence = 0;
const event = (body: RunEventBody): RunEvent => ({ run_id: 'workflow_1', sequence: ++sequence, at: '', ...body });

const events: readonly RunEvent[] = [
  event({
    type: 'run-started',
    topic: 'Tea',
    perspectives: ['practical'],
    domains: [],
    model: { provider: 'ollama', name: 'm' },
  }),
  event({ type: 'agent-changed', agent: 'practical', state: 'thinking' }),
  event({ type: 'text-delta', step: 's', agent: 'practical', text: 'Leaves\n and water', tokens: 4 }),
  event({ type: 'agent-changed', agent: 'practical', state: 'done' }),
];

const show = (isTTY: boolean): string => {
  let text = '';
  const clock = { ...systemClock, monotonic: () => 0 };
  const view = new RunView({ isTTY, columns: 100, write: (more: string) => (text += more) }, clock);
  for (const one of events) view.handle(one);
  view.finish();
  return text;
};

describe('RunView', () => {
  test('without a terminal writes one line for each change', () => {
    expect(show(false)).toBe(
      [
        'Tea',
        '  ollama m',
        '  practical      writes                 0.0 s',
        '  practical      done                   0.0 s  4 tokens',
        '',
      ].join('\n'),
    );
  });

  test('on a terminal shows what is being written in the lane, on one line', () => {
    expect(show(true)).toContain('  practical      writes                 0.0 s  4 tokens    Leaves and water\n');
    expect(show(true).endsWith('\u001B[1A\u001B[J  practical      done                   0.0 s  4 tokens\n')).toBe(
      true,
    );
  });
});
