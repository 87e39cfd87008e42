import { describe, expect, test } from 'vitest';
import { type BigboxError, BigboxError as RegistryError, toErrorBody } from '../../../src/contracts/errors.ts';
import type { RunEvent, RunEventBody } from '../../../src/contracts/runs.ts';
import { countSettled, countSteps, countTokens } from './run-numbers.ts';
import { addEvent, emptyRun, runView } from './run-view.ts';

const record = (...bodies: readonly RunEventBody[]): RunEvent[] =>
  bodies.map((body, index) => ({
    run_id: 'workflow_1',
    sequence: index + 1,
    at: new Date(Date.UTC(2026, 10, 24, 20, 0, index)).toISOString(),
    ...body,
  }));

const started: RunEventBody = {
  type: 'run-started',
  topic: 'Tides',
  perspectives: ['analytical', 'practical'],
  domains: ['technical'],
  model: { provider: 'ollama', name: 'small' },
};
const step = 'perspectives/analytical/answer';
const call: RunEventBody = { type: 'step-started', step, agent: 'analytical', attempt: 1 };
const delta = (text: string, tokens: number): RunEventBody => ({
  type: 'text-delta',
  step,
  agent: 'analytical',
  text,
  tokens,
});
const failure = toErrorBody(new RegistryError('MODEL_FAILED', { message: 'It broke off.' }) satisfies BigboxError);

describe('runView()', () => {
  test('opens one lane for every perspective and one for the synthesis', () => {
    const view = runView('workflow_1', record(started));
    expect(Object.keys(view.lanes)).toEqual(['analytical', 'practical', 'synthesis']);
    expect(view).toMatchObject({ status: 'running', topic: 'Tides', startedAt: '2026-11-24T20:00:00.000Z' });
    expect(countSteps(view)).toEqual({ finished: 0, total: 3 });
  });

  test('collects the text of a call and counts its tokens until they are reported', () => {
    const events = record(started, call, delta('One ', 1), delta('two', 2));
    const view = runView('workflow_1', events);
    expect(view.lanes['analytical']?.text).toBe('One two');
    expect(countTokens(view)).toEqual({ input: 0, output: 2 });
    const finished = addEvent(view, {
      ...record(call)[0]!,
      sequence: 5,
      type: 'step-finished',
      step,
      agent: 'analytical',
      duration_ms: 1200,
      usage: { input: 90, output: 3 },
    } as RunEvent);
    expect(countTokens(finished, 'analytical')).toEqual({ input: 90, output: 3 });
    expect(countSteps(finished)).toEqual({ finished: 1, total: 3 });
  });

  test('starts the text again when a call is repeated after a crash, and says so', () => {
    const view = runView(
      'workflow_1',
      record(
        started,
        call,
        delta('Lost', 1),
        { type: 'run-resumed', reason: 'restart' },
        {
          type: 'step-repeated',
          step,
          agent: 'analytical',
          attempt: 2,
        },
      ),
    );
    expect(view.lanes['analytical']?.text).toBe('');
    expect(view.steps[step]).toMatchObject({ repeated: true, attempt: 2, streamedTokens: 0, state: 'running' });
    expect(view.resumptions).toBe(1);
  });

  test('keeps the text while code runs, until the revision writes', () => {
    const program: RunEventBody = {
      type: 'step-started',
      step: 'perspectives/analytical/code/1',
      agent: 'analytical',
      attempt: 1,
    };
    const revision = 'perspectives/analytical/revision';
    const before = record(started, call, delta('First', 1), program, { ...program, step: revision });
    expect(runView('workflow_1', before).lanes['analytical']?.text).toBe('First');
    const after = record(started, call, delta('First', 1), program, {
      ...delta('Second', 1),
      step: revision,
    } as RunEventBody);
    expect(runView('workflow_1', after).lanes['analytical']?.text).toBe('Second');
  });

  test('keeps code with its output in the order in which the streams came', () => {
    const output = (stream: 'stdout' | 'stderr', text: string): RunEventBody => ({
      type: 'code-output',
      agent: 'analytical',
      execution: 1,
      stream,
      text,
    });
    const code: RunEventBody = {
      type: 'code-started',
      agent: 'analytical',
      execution: 1,
      language: 'python',
      code: 'x',
    };
    const view = runView(
      'workflow_1',
      record(started, code, output('stdout', 'a'), output('stdout', 'b'), output('stderr', 'c'), {
        type: 'code-finished',
        agent: 'analytical',
        execution: 1,
        error: failure,
      }),
    );
    expect(view.lanes['analytical']?.executions).toMatchObject([
      {
        state: 'failed',
        output: [
          { stream: 'stdout', text: 'ab' },
          { stream: 'stderr', text: 'c' },
        ],
        error: failure,
      },
    ]);
  });

  test('closes lanes that were at work when the run ends', () => {
    const view = runView(
      'workflow_1',
      record(
        started,
        { type: 'agent-changed', agent: 'analytical', state: 'failed', error: failure },
        {
          type: 'run-finished',
          status: 'cancelled',
        },
      ),
    );
    expect(view.lanes['analytical']).toMatchObject({ state: 'failed', error: failure });
    expect(view.lanes['practical']?.state).toBe('cancelled');
    expect(countSettled(view)).toBe(2);
  });

  test('changes nothing for an event that it has seen, from whichever number the stream is read again', () => {
    const events = record(started, call, delta('One ', 1), delta('two', 2));
    const once = runView('workflow_1', events);
    for (let from = 0; from < events.length; from += 1) expect(events.slice(from).reduce(addEvent, once)).toEqual(once);
    expect(emptyRun('workflow_1').lastSequence).toBe(0);
  });
});
