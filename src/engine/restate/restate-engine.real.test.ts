import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { defineWorkflow, type Engine, type RunContext } from '../engine.ts';
import { restateCommand } from './command.ts';
import { ensureIdentityKey } from './identity.ts';
import { createRestateEngine } from './restate-engine.ts';
import { startWorker } from './worker.ts';
import { RunSignals } from '../run-signals.ts';

let directory: string;
let identityKey: string;
let restate: ChildProcess;
const engines: Engine[] = [];

function startRestate(): ChildProcess {
  const { file, args, env } = restateCommand({ directory, identityKeyFile: join(directory, 'identity.pem') });
  return spawn(file, args, { env: { ...env }, stdio: 'ignore' });
}

async function kill(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function createEngine(): Engine {
  const engine = createRestateEngine({ directory, identityKey, clock: systemClock, logger: silentLogger });
  engines.push(engine);
  return engine;
}

const ready = (engine: Engine): Promise<void> =>
  vi.waitFor(() => expect(engine.health().ready).toBe(true), { timeout: 20_000, interval: 50 });

/** A workflow of two branches that notes what it does; `gate` holds the branch `slow` back. */
function countingWorkflow(gate: Promise<void>): {
  readonly done: Promise<void>;
  readonly actions: string[];
  readonly entered: Promise<void>;
  readonly workflow: ReturnType<typeof defineWorkflow>;
} {
  const done = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const actions: string[] = [];
  const act = (context: RunContext, name: string): Promise<unknown> =>
    context.step(name, () => {
      actions.push(name);
      return Promise.resolve({ name });
    });
  const workflow = defineWorkflow({
    name: 'test',
    version: 1,
    async run(context) {
      await act(context, 'begin');
      await context.all(['fast', 'slow']);
      await act(context, 'end');
      done.resolve();
    },
    async branch(context, name) {
      await act(context, `${name} first`);
      if (name === 'slow') {
        entered.resolve();
        await gate;
      }
      await act(context, `${name} second`);
    },
  });
  return { done: done.promise, entered: entered.promise, actions, workflow };
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-restate-'));
  identityKey = await ensureIdentityKey(join(directory, 'identity.pem'));
  restate = startRestate();
});
afterEach(async () => {
  for (const engine of engines.splice(0)) await engine.close(new Error('the test is over'));
  await kill(restate);
  await rm(directory, { recursive: true });
});

describe('restate engine', () => {
  test('runs a workflow once, however often it is started', async () => {
    const { workflow, done, actions } = countingWorkflow(Promise.resolve());
    const engine = createEngine();
    await engine.serve(workflow);
    await ready(engine);
    await Promise.all([engine.start('one'), engine.start('one')]);
    await done;
    await engine.start('one');
    expect(actions.toSorted()).toEqual(
      ['begin', 'end', 'fast first', 'fast second', 'slow first', 'slow second'].toSorted(),
    );
  });

  test('goes on after Restate was killed, without doing a finished step again', async () => {
    const gate = Promise.withResolvers<void>();
    const { workflow, done, entered, actions } = countingWorkflow(gate.promise);
    const engine = createEngine();
    await engine.serve(workflow);
    await ready(engine);
    await engine.start('two');
    await entered;
    await vi.waitFor(() => expect(actions).toContain('fast second'));
    await kill(restate);
    await vi.waitFor(() => expect(engine.health().ready).toBe(false), { timeout: 20_000 });
    await expect(engine.start('three')).rejects.toMatchObject({ code: 'ENGINE_UNAVAILABLE' });
    restate = startRestate();
    await ready(engine);
    gate.resolve();
    await done;
    expect(actions.filter((action) => action === 'begin')).toHaveLength(1);
    expect(actions.filter((action) => action === 'fast first')).toHaveLength(1);
  });

  test('goes on with a new worker on another port', async () => {
    const never = Promise.withResolvers<void>();
    const first = countingWorkflow(never.promise);
    const engine = createEngine();
    await engine.serve(first.workflow);
    await ready(engine);
    await engine.start('four');
    await first.entered;
    await engine.close(new Error('stopped'));
    const second = countingWorkflow(Promise.resolve());
    const next = createEngine();
    await next.serve(second.workflow);
    await second.done;
    expect(second.actions).not.toContain('begin');
    expect(second.actions).toContain('end');
  });
});

describe('worker', () => {
  test('answers 401 to requests that Restate did not sign', async () => {
    const { workflow } = countingWorkflow(Promise.resolve());
    const worker = await startWorker({ workflow, signals: new RunSignals(), identityKey, logger: silentLogger });
    const session = connect(worker.uri);
    const stream = session.request({ ':method': 'POST', ':path': '/invoke/test_v1/run' });
    stream.end();
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>];
    expect(headers[':status']).toBe(401);
    stream.close();
    session.close();
    await worker.close();
  });
});
