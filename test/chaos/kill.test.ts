import { expect, test, describe } from 'vitest';
import type { RunEvent, RunStatus } from '../../src/contracts/runs.ts';
import { loadCatalog } from '../../src/workflows/index.ts';
import { type ModelCall, Services } from './support/services.ts';

const perspectives = ['analytical', 'creative', 'practical', 'critical', 'strategic', 'user_centered'];
const roles = new Map(loadCatalog().perspectives.map(({ id, role }) => [id, role]));
const roleOf = (perspective: string): string => roles.get(perspective) ?? '';
const patienceMs = 120_000;

/** The step that a call was made for. Without code execution every step is one call. */
function stepOf(call: ModelCall): string {
  const perspective = perspectives.find((id) => call.prompt.includes(roleOf(id)));
  return perspective === undefined ? 'synthesis' : `perspectives/${perspective}/answer`;
}

const startRun = async (services: Services): Promise<string> =>
  (await services.client()).startParallel({ prompt: `The price of bread, ${crypto.randomUUID()}`, perspectives });

/** Reads events until `enough`; gives the steps whose end could be read. */
async function readUntil(
  services: Services,
  id: string,
  enough: (event: RunEvent, finished: ReadonlySet<string>) => boolean,
): Promise<ReadonlySet<string>> {
  const finished = new Set<string>();
  for await (const event of (await services.client()).events(id, { signal: AbortSignal.timeout(patienceMs) })) {
    if (event.type === 'step-finished') finished.add(event.step);
    if (enough(event, finished)) return finished;
  }
  return finished;
}

interface End {
  readonly run: RunStatus;
  readonly events: readonly RunEvent[];
}

async function readEnd(services: Services, id: string): Promise<End> {
  const client = await services.client();
  const events = await Array.fromAsync(client.events(id, { signal: AbortSignal.timeout(patienceMs) }));
  return { run: await client.status(id), events };
}

/** What must hold whatever was killed: the run is whole, its record has no gap and no step ended twice. */
function expectWhole({ run, events }: End): void {
  expect(run).toMatchObject({ status: 'completed', progress: 100 });
  expect(run.result?.parallel_tasks.map(({ status }) => status)).toEqual(perspectives.map(() => 'completed'));
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_event, index) => index + 1));
  expect(events.filter(({ type }) => type === 'run-finished')).toHaveLength(1);
  const ended = events.flatMap((event) => (event.type === 'step-finished' ? [event.step] : []));
  expect(ended.toSorted()).toEqual([...new Set(ended)].toSorted());
  const repeated = events.filter(({ type }) => type === 'step-repeated');
  expect(run.result?.execution_summary.repeated_steps).toBe(repeated.length);
}

const callsOf = (calls: readonly ModelCall[], steps: ReadonlySet<string>): readonly string[] =>
  calls.map(stepOf).filter((step) => steps.has(step));

describe.each([
  { title: 'the worker', killed: ['server'] as const },
  { title: 'Restate', killed: ['restate'] as const },
  { title: 'the worker and Restate at once', killed: ['server', 'restate'] as const },
])('kill -9 of $title', ({ killed }) => {
  test('in the middle of a run: it finishes, no finished step is called again, calls in flight are reported', async () => {
    await using services = await Services.start();
    const held = ['critical', 'strategic'].map((id) => services.hold(roleOf(id), 3));
    const id = await startRun(services);
    await Promise.all(held);
    const finished = await readUntil(services, id, (_event, steps) => steps.size === 4);

    await services.kill(...killed);
    await services.release();
    const before = (await services.calls()).length;
    if (killed.some((name) => name === 'restate')) await services.startRestate();
    if (killed.some((name) => name === 'server')) await services.startServer();

    const end = await readEnd(services, id);
    expectWhole(end);
    expect(callsOf((await services.calls()).slice(before), finished)).toEqual([]);
    const repeated = end.events.flatMap((event) => (event.type === 'step-repeated' ? [event.step] : []));
    // A worker that lives goes on with its own calls: only its death breaks them off.
    const inFlight = killed.some((name) => name === 'server') ? ['critical', 'strategic'] : [];
    expect(repeated.toSorted()).toEqual(inFlight.map((perspective) => `perspectives/${perspective}/answer`));
  });

  test('at moments that nobody chose: never a finished step again', async () => {
    await using services = await Services.start();
    for (let round = 0; round < 3; round += 1) {
      const id = await startRun(services);
      const moment = 5 + Math.floor(Math.random() * 40);
      const finished = await readUntil(services, id, ({ sequence }) => sequence >= moment);
      await services.kill(...killed);
      const before = (await services.calls()).length;
      if (killed.some((name) => name === 'restate')) await services.startRestate();
      if (killed.some((name) => name === 'server')) await services.startServer();
      const end = await readEnd(services, id);
      expectWhole(end);
      expect(callsOf((await services.calls()).slice(before), finished), `killed at event ${moment}`).toEqual([]);
    }
  });
});

describe('kill -9 of everything, the model server too', () => {
  test('in the middle of a run: it finishes and asks nothing again whose end could be read', async () => {
    await using services = await Services.start();
    const held = services.hold(roleOf('critical'), 3);
    const id = await startRun(services);
    await held;
    const finished = await readUntil(services, id, (_event, steps) => steps.size === 5);
    await services.kill('model', 'restate', 'server');
    await services.startModel();
    await Promise.all([services.startRestate(), services.startServer()]);
    const end = await readEnd(services, id);
    expectWhole(end);
    expect((await services.calls()).map(stepOf)).toEqual(['perspectives/critical/answer', 'synthesis']);
    expect(finished.size).toBe(5);
  });

  test('only the model server: its callers wait for it and ask again', async () => {
    await using services = await Services.start();
    const held = services.hold(roleOf('critical'), 3);
    const id = await startRun(services);
    await held;
    await readUntil(services, id, (_event, steps) => steps.size === 5);
    await services.kill('model');
    await services.startModel();
    const end = await readEnd(services, id);
    expectWhole(end);
    expect((await services.calls()).map(stepOf)).toEqual(['perspectives/critical/answer', 'synthesis']);
    expect(end.run.result?.execution_summary.repeated_steps).toBe(1);
  });
});

describe('cancel across a crash', () => {
  test('a run that was cancelled stays cancelled after the worker was killed, and asks nothing more', async () => {
    await using services = await Services.start();
    const held = services.hold(roleOf('critical'), 3);
    const id = await startRun(services);
    await held;
    await (await services.client()).cancel(id);
    await services.kill('server');
    await services.release();
    const before = (await services.calls()).length;
    await services.startServer();
    const { run, events } = await readEnd(services, id);
    expect(run.status).toBe('cancelled');
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'cancelled' });
    const next = await startRun(services);
    expectWhole(await readEnd(services, next));
    expect((await services.calls()).slice(before)).toHaveLength(7);
  });
});
