import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { ModelSource, Sandbox } from '../../src/contracts/ports.ts';
import { createRestateEngine, ensureIdentityKey, restateCommand } from '../../src/engine/index.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { nodeFlags } from '../../src/lib/node-flags.ts';
import { createOllamaModel } from '../../src/llm/index.ts';
import { openRecords } from '../../src/store/index.ts';
import { agentCalls, createRuns, loadCatalog, type Runs } from '../../src/workflows/index.ts';

const warmUpRuns = 5;
const sequentialRuns = 30;
const concurrentRuns = 40;
const atOnce = 8;
const perspectives = ['analytical', 'creative', 'practical', 'critical', 'strategic', 'user_centered'];
const owner = { principal: { kind: 'owner', via: 'service-key', id: 'bench' }, mayNameAddress: true } as const;
const noSandbox: Sandbox = {
  languages: [],
  execute() {
    throw new Error('the bench runs no code');
  },
};

interface Measured {
  readonly count: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
  /** Processor time of this process, the worker with its SQLite, for one run. */
  readonly cpu_ms_per_run: number;
  /** Processor time of Restate for one run; absent for raw calls. */
  readonly restate_cpu_ms_per_run?: number;
  readonly runs_per_second: number;
}

const round = (value: number): number => Math.round(value * 100) / 100;

/** Processor milliseconds that another process has used, from /proc (its clock ticks 100 times a second). */
async function cpuOf(child: ChildProcess): Promise<number> {
  const stat = await readFile(`/proc/${child.pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return (Number(fields[11]) + Number(fields[12])) * 10;
}

/** Does the same work `count` times, at most `parallel` at once, and measures it. */
async function measure(
  work: () => Promise<unknown>,
  options: { readonly count: number; readonly parallel: number; readonly restate?: ChildProcess },
): Promise<Measured> {
  const { count, parallel, restate } = options;
  const durations: number[] = [];
  let left = count;
  const restateBefore = restate === undefined ? 0 : await cpuOf(restate);
  const before = process.cpuUsage();
  const startedAt = performance.now();
  const drain = async (): Promise<void> => {
    while (left > 0) {
      left -= 1;
      const at = performance.now();
      await work();
      durations.push(performance.now() - at);
    }
  };
  await Promise.all(Array.from({ length: parallel }, drain));
  const wallMs = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(before);
  const sorted = durations.toSorted((first, second) => first - second);
  const at = (share: number): number => round(sorted[Math.min(count - 1, Math.floor(count * share))] ?? 0);
  return {
    count,
    p50_ms: at(0.5),
    p99_ms: at(0.99),
    cpu_ms_per_run: round((user + system) / 1000 / count),
    ...(restate === undefined
      ? {}
      : { restate_cpu_ms_per_run: round(((await cpuOf(restate)) - restateBefore) / count) }),
    runs_per_second: round((count / wallMs) * 1000),
  };
}

let runNumber = 0;

async function oneRun(runs: Runs): Promise<void> {
  runNumber += 1;
  const { id } = await runs.start({ prompt: `The price of bread, ${runNumber}`, perspectives }, owner);
  const { status } = await runs.waitForEnd(id, AbortSignal.timeout(60_000));
  if (status !== 'completed') throw new Error(`run ${id} ended as ${status}`);
}

/** The bodies that one run sends to the model, seen by running one. */
async function recordBodies(modelUrl: string): Promise<readonly (readonly string[])[]> {
  const response = await fetch(`${modelUrl}/__fake/calls`);
  const { calls } = (await response.json()) as { readonly calls: readonly { readonly request: unknown }[] };
  const bodies = calls.slice(-(perspectives.length + 1)).map(({ request }) => JSON.stringify(request));
  return [bodies.slice(0, -1), bodies.slice(-1)];
}

/** The same calls by bare fetch: six at once, then one; the streamed answers are read and nothing is kept. */
async function rawRun(modelUrl: string, phases: readonly (readonly string[])[]): Promise<void> {
  for (const bodies of phases)
    await Promise.all(
      bodies.map(async (body) => {
        const headers = { 'content-type': 'application/json' };
        const response = await fetch(`${modelUrl}/api/chat`, { method: 'POST', body, headers });
        const text = await response.text();
        if (!text.includes('"done":true')) throw new Error('the fake did not finish');
      }),
    );
}

async function startFake(): Promise<{ readonly child: ChildProcess; readonly url: string }> {
  const main = join(import.meta.dirname, '../fixtures/fake-ollama/main.ts');
  const child = spawn(process.execPath, [...nodeFlags, main, '--model', 'fake:latest'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, url };
}

async function stop(child: ChildProcess): Promise<void> {
  child.kill('SIGTERM');
  await once(child, 'exit');
}

/**
 * Measures workflow runs of six perspectives and a synthesis on the fake model server at zero delay, with Restate and SQLite as they
 * run in production, beside the same seven model calls by bare fetch.
 */
export async function run(): Promise<object> {
  const directory = await mkdtemp(join(tmpdir(), 'bb-bench-'));
  const fake = await startFake();
  const identityKeyFile = join(directory, 'restate.pem');
  const identityKey = await ensureIdentityKey(identityKeyFile);
  await mkdir(join(directory, 'restate'));
  const { file, args, env } = restateCommand({ directory: join(directory, 'restate'), identityKeyFile });
  const restate = spawn(file, args, { env: { ...env }, stdio: 'ignore' });
  const records = await openRecords({ path: join(directory, 'bench.sqlite') });
  const model = createOllamaModel({ baseUrl: fake.url, name: 'fake:latest' });
  const models: ModelSource = { resolve: () => Promise.resolve({ model }) };
  const runs = await createRuns({
    records,
    engine: createRestateEngine({
      directory: join(directory, 'restate'),
      identityKey,
      clock: systemClock,
      logger: silentLogger,
    }),
    models,
    sandbox: noSandbox,
    agents: agentCalls,
    catalog: loadCatalog(),
    clock: systemClock,
    logger: silentLogger,
    limits: { concurrentRuns: 100, topicLength: 1000, concurrentCalls: 100 },
  });
  try {
    for (let index = 0; index < warmUpRuns; index += 1) await oneRun(runs);
    const phases = await recordBodies(fake.url);
    await rawRun(fake.url, phases);
    const one = { count: sequentialRuns, parallel: 1 };
    const many = { count: concurrentRuns, parallel: atOnce };
    const raw = {
      one_at_a_time: await measure(() => rawRun(fake.url, phases), one),
      eight_at_once: await measure(() => rawRun(fake.url, phases), many),
    };
    const ours = {
      one_at_a_time: await measure(() => oneRun(runs), { ...one, restate }),
      eight_at_once: await measure(() => oneRun(runs), { ...many, restate }),
    };
    return { cores: availableParallelism(), perspectives: perspectives.length, ours, raw };
  } finally {
    await runs.close();
    await records.close();
    await Promise.all([stop(restate), stop(fake.child)]);
    await rm(directory, { recursive: true });
  }
}
