import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeUpAnswer } from '../../test/fixtures/fake-ollama/answer.ts';
import { BigboxError } from '../contracts/errors.ts';
import { toRunId, type RunId } from '../contracts/ids.ts';
import type { Model, ModelRequest, Sandbox } from '../contracts/ports.ts';
import type { ParallelRequest, RunEvent } from '../contracts/runs.ts';
import { createMemoryEngine, type MemoryEngine } from '../engine/index.ts';
import { systemClock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { createScriptedModel, type ScriptedAnswer } from '../llm/scripted/index.ts';
import { openRecords, type Records } from '../store/index.ts';
import { agentCalls, createRuns, loadCatalog, type RunLimits, type Runs } from './index.ts';

const owner = { principal: { kind: 'owner', via: 'session', id: 'owner' }, mayNameAddress: true } as const;
const six = ['analytical', 'creative', 'practical', 'critical', 'strategic', 'user_centered'];
const soon = (): AbortSignal => AbortSignal.timeout(10_000);
const catalog = loadCatalog();

/** Which agent a request comes from, by the role line in its system prompt. */
const agentOf = (request: ModelRequest): string =>
  catalog.perspectives.find(({ role }) => request.system.includes(role))?.id ?? 'synthesis';
const isRevision = (request: ModelRequest): boolean => request.prompt.includes('The program printed:');

/** Answers in the form that was asked for, with a program only where the test wants one. */
function answerWith(program: string): (request: ModelRequest) => ScriptedAnswer {
  return (request) => {
    const raw = JSON.parse(makeUpAnswer(`${request.system}\n${request.prompt}`, request.schema)) as Record<
      string,
      unknown
    >;
    const code = 'program' in raw ? { program: { figures: [], calculation: '', print: program } } : {};
    // A finding counts only where it repeats what the program printed.
    const finding =
      'finding' in raw
        ? { finding: 'With the example figures the result of six times seven is 42 for the people concerned.' }
        : {};
    return { chunks: JSON.stringify({ ...raw, ...code, ...finding }).match(/.{1,30}/gsu) ?? [] };
  };
}
const plainly = answerWith('');

/** A microVM stand-in that prints what the code says it prints. */
const sandbox: Sandbox = {
  languages: ['python', 'javascript', 'bash'],
  async *execute({ code, signal }) {
    yield { type: 'execution-started', execution_id: 'exec-1', vm_id: 'vm-1', vm_type: 'test' };
    if (code.includes('endless'))
      await new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }),
      );
    if (code.includes('broken'))
      throw new BigboxError('CODE_INVALID', { message: 'The code does not pass validation.' });
    yield { type: 'output-delta', stream: 'stdout', text: '42\n' };
    const at = new Date(0).toISOString();
    const result = { execution_id: 'exec-1', vm_id: 'vm-1', vm_type: 'test', outcome: 'exited', exit_code: 0 } as const;
    const output = { stdout: '42\n', stderr: '', truncated: false, duration_ms: 1, started_at: at, completed_at: at };
    yield { type: 'execution-finished', result: { ...result, ...output, warnings: [] } };
  },
};

let records: Records;
let engine: MemoryEngine;
let runs: Runs;

async function open(model: Model, limits: Partial<RunLimits> = {}): Promise<Runs> {
  engine = createMemoryEngine();
  runs = await createRuns({
    records,
    engine,
    models: { resolve: () => Promise.resolve({ model }) },
    sandbox,
    agents: agentCalls,
    catalog,
    clock: systemClock,
    logger: silentLogger,
    limits: { concurrentRuns: 5, topicLength: 1000, concurrentCalls: 6, ...limits },
  });
  return runs;
}

const start = async (request: Partial<ParallelRequest> = {}): Promise<RunId> =>
  (await runs.start({ prompt: 'Trees in our street', perspectives: six, ...request }, owner)).id;

const eventsOf = (id: RunId, after = 0): Promise<RunEvent[]> =>
  Array.fromAsync(runs.events(id, { after, signal: soon() }));

beforeEach(async () => {
  records = await openRecords({ path: ':memory:' });
});
afterEach(async () => {
  await runs.close();
  await records.close();
  expect(engine.failures).toEqual([]);
});

describe('a parallel run', () => {
  test('asks all perspectives at the same time, then sums up what they said', async () => {
    const all = Promise.withResolvers<void>();
    const model = createScriptedModel((request, call) => {
      if (call === 5) all.resolve();
      return { ...plainly(request), ...(agentOf(request) === 'synthesis' ? {} : { waitFor: all.promise }) };
    });
    await open(model);
    const run = await runs.waitForEnd(await start(), soon());
    expect(run).toMatchObject({ status: 'completed', progress: 100, steps: { finished: 7, total: 7 } });
    const { parallel_tasks: tasks, synthesis, execution_summary: summary } = run.result ?? {};
    expect(tasks?.map((task) => [task.perspective, task.status])).toEqual(six.map((id) => [id, 'completed']));
    const points = new Set(
      tasks?.flatMap(({ answer }) =>
        [...(answer?.key_points ?? []), ...(answer?.insights ?? []), ...(answer?.recommendations ?? [])].map(
          (point) => point.id,
        ),
      ),
    );
    expect(synthesis?.priorities.flatMap(({ cites }) => cites).every((id) => points.has(id))).toBe(true);
    expect(summary).toMatchObject({ perspectives_count: 6, failed_count: 0, vm_executions: 0, repeated_steps: 0 });
    expect(model.requests).toHaveLength(7);
  });

  test('records events without gap that show each lane from its start to its end', async () => {
    await open(createScriptedModel(plainly));
    const id = await start();
    const events = await eventsOf(id);
    expect(events.map((event) => event.sequence)).toEqual(events.map((_event, index) => index + 1));
    expect(events[0]).toMatchObject({ type: 'run-started', perspectives: six });
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'completed' });
    for (const agent of [...six, 'synthesis']) {
      const types = events.filter((event) => 'agent' in event && event.agent === agent).map((event) => event.type);
      expect(types.filter((type) => type === 'step-finished')).toHaveLength(1);
      expect(types.at(-1)).toBe('agent-changed');
      expect(types).toContain('text-delta');
    }
    await expect(eventsOf(id, 5)).resolves.toEqual(events.slice(5));
    await expect(eventsOf(id, events.length)).resolves.toEqual([]);
    await expect(runs.get(id)).resolves.toMatchObject({ last_sequence: events.length });
  });

  test('runs code and revises the answer with its output', async () => {
    await open(createScriptedModel(answerWith('print(6 * 7)')));
    const id = await start({ perspectives: ['analytical', 'creative'] });
    const events = await eventsOf(id);
    expect(events).toContainEqual(expect.objectContaining({ type: 'code-output', agent: 'analytical', text: '42\n' }));
    const answers = events.filter((event) => event.type === 'answer-available');
    expect(answers.map(({ agent }) => agent).toSorted((a, b) => a.localeCompare(b))).toEqual([
      'analytical',
      'creative',
    ]);
    const run = await runs.get(id);
    const analytical = run.result?.parallel_tasks[0]?.answer;
    expect(analytical).toMatchObject({ revised: true, code_runs: [{ language: 'python', code: 'print(6 * 7)' }] });
    expect(run.steps).toEqual({ finished: 5, total: 5 });
    expect(run.result?.execution_summary.vm_executions).toBe(1);
  });

  test('keeps the draft when its code cannot be run, and says so', async () => {
    await open(createScriptedModel(answerWith('print("broken", 6 * 7)')));
    const id = await start({ perspectives: ['analytical'] });
    const events = await eventsOf(id);
    expect(events).toContainEqual(
      expect.objectContaining({ type: 'code-finished', error: expect.objectContaining({ code: 'CODE_INVALID' }) }),
    );
    const run = await runs.get(id);
    expect(run.result?.parallel_tasks[0]).toMatchObject({
      status: 'completed',
      answer: { revised: false, code_runs: [] },
    });
    expect(run.result?.warnings.join()).toContain('code/1');
  });

  test('completes without the perspective that failed', async () => {
    const error = new BigboxError('MODEL_NOT_FOUND', { message: 'gone' });
    await open(
      createScriptedModel((request) =>
        agentOf(request) === 'creative' ? { chunks: ['{'], fails: error } : plainly(request),
      ),
    );
    const run = await runs.waitForEnd(await start(), soon());
    expect(run.status).toBe('completed');
    expect(run.result?.execution_summary.failed_count).toBe(1);
    expect(run.result?.parallel_tasks[1]).toMatchObject({ status: 'failed', error: { code: 'MODEL_NOT_FOUND' } });
  });

  test('fails when every perspective failed', async () => {
    const error = new BigboxError('MODEL_NOT_FOUND', { message: 'gone' });
    await open(createScriptedModel(() => ({ chunks: [], fails: error })));
    const run = await runs.waitForEnd(await start(), soon());
    expect(run).toMatchObject({ status: 'failed', error_detail: { code: 'RUN_FAILED' } });
    expect(run.error).toContain('gone');
  });

  test('keeps the answers when the synthesis failed', async () => {
    const error = new BigboxError('MODEL_OUTPUT_CUT', { message: 'no room' });
    await open(
      createScriptedModel((request) =>
        agentOf(request) === 'synthesis' ? { chunks: [], fails: error } : plainly(request),
      ),
    );
    const run = await runs.waitForEnd(await start(), soon());
    expect(run).toMatchObject({ status: 'completed', result: { synthesis_error: { code: 'MODEL_OUTPUT_CUT' } } });
    expect(run.result?.aggregated_result).toContain(run.result?.parallel_tasks[0]?.answer?.summary);
  });

  test('asks again after an unusable answer, and counts no repeat', async () => {
    let asked = 0;
    await open(
      createScriptedModel((request) => {
        if (agentOf(request) !== 'creative') return plainly(request);
        asked += 1;
        return asked === 1 ? { chunks: ['Certainly!'] } : plainly(request);
      }),
    );
    const id = await start({ perspectives: ['creative', 'critical'] });
    const run = await runs.waitForEnd(id, soon());
    expect(run.result?.execution_summary).toMatchObject({ failed_count: 0, repeated_steps: 0 });
    const { steps } = await runs.trace(id);
    expect(steps.find((step) => step.agent === 'creative')).toMatchObject({ attempts: 2, status: 'completed' });
  });

  test('shows who waits for the model when places are short', async () => {
    await open(createScriptedModel(plainly), { concurrentCalls: 1 });
    const events = await eventsOf(await start({ perspectives: ['creative', 'critical'] }));
    const states = events.flatMap((event) =>
      event.type === 'agent-changed' && event.agent === 'critical' ? [event.state] : [],
    );
    expect(states).toEqual(['waiting', 'thinking', 'done']);
  });
});

describe('cancel()', () => {
  test('stops model calls and code at once, and no event follows', async () => {
    const never = new Promise<void>(() => undefined);
    const model = createScriptedModel((request) => ({
      ...answerWith('print("endless", 6 * 7)')(request),
      ...(agentOf(request) === 'creative' ? { waitFor: never } : {}),
    }));
    await open(model);
    const id = await start({ perspectives: ['analytical', 'creative'] });
    for await (const event of runs.events(id, { after: 0, signal: soon() })) if (event.type === 'code-started') break;
    await expect(runs.cancel(id)).resolves.toMatchObject({
      status: 'cancelled',
      error_detail: { code: 'RUN_CANCELLED' },
    });
    expect(model.requests.every((request) => request.signal.aborted)).toBe(true);
    const events = await eventsOf(id);
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'cancelled' });
    const cancelled = events.flatMap((event) =>
      event.type === 'agent-changed' && event.state === 'cancelled' ? [event.agent] : [],
    );
    expect(cancelled.toSorted((a, b) => a.localeCompare(b))).toEqual(['analytical', 'creative']);
    await engine.close(new Error('wait for the workflow'));
    await expect(eventsOf(id)).resolves.toEqual(events);
  });

  test('leaves a run that has ended as it is', async () => {
    await open(createScriptedModel(plainly));
    const id = await start();
    await runs.waitForEnd(id, soon());
    await expect(runs.cancel(id)).resolves.toMatchObject({ status: 'completed' });
  });
});

describe('start()', () => {
  const never = new Promise<void>(() => undefined);
  const stuck = (): Model => createScriptedModel(() => ({ chunks: ['{', '}'], waitFor: never }));

  test('joins the same body of the same client while the run goes on', async () => {
    await open(stuck());
    const request = { prompt: 'Trees' };
    const started = await Promise.all([runs.start(request, owner), runs.start(request, owner)]);
    expect(started.map(({ joined }) => joined)).toEqual([false, true]);
    expect(started[0]?.id).toBe(started[1]?.id);
    const other = { ...owner, principal: { ...owner.principal, id: 'key-1' } };
    await expect(runs.start(request, other)).resolves.toMatchObject({ joined: false });
    await expect(runs.start({ prompt: 'Birds' }, owner)).resolves.toMatchObject({ joined: false });
  });

  test('answers an idempotency key with its run, also after the end, and refuses another body', async () => {
    await open(createScriptedModel(plainly));
    const keyed = { ...owner, idempotencyKey: 'k' };
    const { id } = await runs.start({ prompt: 'Trees' }, keyed);
    await runs.waitForEnd(id, soon());
    await expect(runs.start({ prompt: 'Trees' }, keyed)).resolves.toEqual({ id, joined: true });
    await expect(runs.start({ prompt: 'Birds' }, keyed)).rejects.toMatchObject({ code: 'CONFLICT' });
  });

  test('keeps to the limits', async () => {
    await open(stuck(), { concurrentRuns: 1, topicLength: 10 });
    await expect(runs.start({ prompt: 'x'.repeat(11) }, owner)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    await runs.start({ prompt: 'Trees' }, owner);
    await expect(runs.start({ prompt: 'Birds' }, owner)).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
  });

  test('knows no run that was not started', async () => {
    await open(stuck());
    const unknown = toRunId('workflow_none');
    await expect(runs.get(unknown)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    await expect(eventsOf(unknown)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
    await expect(runs.cancel(unknown)).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });
});

describe('a restart', () => {
  test('goes on with a run, makes no finished call again and reports the one that was in flight', async () => {
    const never = new Promise<void>(() => undefined);
    await open(
      createScriptedModel((request) => ({
        ...answerWith('print(6 * 7)')(request),
        ...(agentOf(request) === 'critical' || isRevision(request) ? { waitFor: never } : {}),
      })),
    );
    const id = await start();
    const finished = new Set<string>();
    for await (const event of runs.events(id, { after: 0, signal: soon() })) {
      if (event.type === 'step-finished') finished.add(event.step);
      if (finished.size >= 6) break;
    }
    await runs.close();

    const second = createScriptedModel(answerWith('print(6 * 7)'));
    await open(second);
    const run = await runs.waitForEnd(id, soon());
    expect(run.status).toBe('completed');
    const events = await eventsOf(id);
    expect(events.filter((event) => event.type === 'run-resumed')).toHaveLength(1);
    const repeated = events.flatMap((event) => (event.type === 'step-repeated' ? [event.step] : []));
    expect(repeated).toContain('perspectives/critical/answer');
    expect(run.result?.execution_summary.repeated_steps).toBe(repeated.length);
    const steps = events.flatMap((event) => (event.type === 'step-finished' ? [event.step] : []));
    expect(new Set(steps).size).toBe(steps.length);
    const asked = second.requests.filter((request) => !isRevision(request)).map(agentOf);
    expect(asked.toSorted((a, b) => a.localeCompare(b))).toEqual(['critical', 'synthesis']);
  });
});

describe('readers', () => {
  test('of all runs get the events of each in order', async () => {
    await open(createScriptedModel(plainly));
    const controller = new AbortController();
    const all = Array.fromAsync(runs.allEvents({ signal: controller.signal }));
    const ids = [await start(), await start({ prompt: 'Birds' })];
    for (const id of ids) await runs.waitForEnd(id, soon());
    await expect(runs.typicalDurationMs()).resolves.toBeGreaterThan(0);
    controller.abort();
    const events = await all;
    for (const id of ids) {
      const own = events.filter((event) => event.run_id === id);
      expect(own.map((event) => event.sequence)).toEqual(own.map((_event, index) => index + (own[0]?.sequence ?? 1)));
    }
    await expect(runs.list({ limit: 10 })).resolves.toMatchObject([
      { topic: 'Birds' },
      { topic: 'Trees in our street' },
    ]);
    const [newest] = await runs.list({ limit: 1 });
    expect(newest).not.toHaveProperty('result');
    await expect(runs.list({ limit: 10, before: toRunId(newest?.id ?? '') })).resolves.toHaveLength(1);
  });
});
