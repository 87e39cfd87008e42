import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { instanceFiles, isRunning, launchSupervisor, readState, stopAll } from '../../src/apps/all/index.ts';
import type { RunEvent } from '../../src/contracts/runs.ts';
import { type AgentClient, createAgentClient } from '../../src/sdk/index.ts';
import { makeUpAnswer } from '../fixtures/fake-ollama/answer.ts';
import { type FakeOllama, startFakeOllama } from '../fixtures/fake-ollama/index.ts';

/** Takes seconds in a microVM, so that it is killed in the middle. */
const slowProgram = { figures: [], calculation: '', print: 'print("Total:", sum(range(20000000)) * 2)' };
const patienceMs = 150_000;

let dataDir: string;
let ollama: FakeOllama;
let environment: Record<string, string>;

async function findFreePort(): Promise<string> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await once(server.close(), 'close');
  if (address === null || typeof address === 'string') throw new Error('The server has no port.');
  return String(address.port);
}

beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bb-'));
  ollama = await startFakeOllama({
    script: ({ prompt, request }) => {
      const schema = request['format'];
      if (!JSON.stringify(schema ?? {}).includes('"program"')) return undefined;
      return JSON.stringify({ ...(JSON.parse(makeUpAnswer(prompt, schema)) as object), program: slowProgram });
    },
  });
  const config = join(dataDir, 'config.json');
  const extra = {
    llm_provider: 'ollama',
    llm_model: 'fake:latest',
    llm_base_url: ollama.url,
    vm_execution: { enabled: true, vm_pool_size: 1 },
  };
  await writeFile(config, JSON.stringify({ name: 'Chaos', extra }));
  environment = {
    ...(process.env as Record<string, string>),
    BIGBOX_DATA_DIR: dataDir,
    BIGBOX_CONFIG: config,
    BIGBOX_PORT: await findFreePort(),
    BIGBOX_VM_PORT: await findFreePort(),
    BIGBOX_MODEL_PORT: await findFreePort(),
  };
});

afterEach(async () => {
  await stopAll(dataDir);
  await ollama.close();
  await rm(dataDir, { recursive: true, force: true });
});

/** Starts all services as `bigbox up` does, and resolves when the agent server answers. */
async function start(): Promise<AgentClient> {
  const signal = AbortSignal.timeout(patienceMs);
  const { url } = await launchSupervisor({ dataDir, environment, signal });
  const key = await readFile(instanceFiles(dataDir).serviceKey, 'utf8');
  const client = createAgentClient({ baseUrl: url, key: key.trim() });
  for (;;) {
    const status = await client.health(signal).then(
      (health) => health.status,
      () => 'starting',
    );
    if (status !== 'starting') return client;
    signal.throwIfAborted();
  }
}

/** kill -9 of the supervisor and all its services at once; resolves when they are gone. */
async function killEverything(): Promise<readonly string[]> {
  const state = await readState(dataDir);
  if (state === undefined) throw new Error('No state is recorded.');
  const services = state.services.flatMap(({ name, process: running }) =>
    running === undefined ? [] : [{ name, running }],
  );
  const all = [state.supervisor, ...services.map(({ running }) => running)];
  for (const { pid } of all) process.kill(pid, 'SIGKILL');
  await expect.poll(() => all.some(isRunning)).toBe(false);
  return services.map(({ name }) => name);
}

const readUntil = async (client: AgentClient, id: string, last: (event: RunEvent) => boolean): Promise<RunEvent[]> => {
  const events: RunEvent[] = [];
  for await (const event of client.events(id, { signal: AbortSignal.timeout(patienceMs) })) {
    events.push(event);
    if (last(event)) break;
  }
  return events;
};

test('kill -9 of all services at once while a microVM runs code: after a start the run finishes, and nothing that was finished is done again', async () => {
  const client = await start();
  const id = await client.startParallel({ prompt: 'The price of bread', perspectives: ['analytical', 'creative'] });
  const before = await readUntil(client, id, ({ type }) => type === 'code-started');
  const finished = before.flatMap((event) => (event.type === 'step-finished' ? [event.step] : []));
  const answered = ollama.journal.calls.length;

  const killed = await killEverything();
  expect(killed.toSorted()).toEqual(['fcctl-web', 'restate', 'terraphim-server']);

  const events = await readUntil(await start(), id, ({ type }) => type === 'run-finished');
  expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'completed' });
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_event, index) => index + 1));
  expect(events.slice(0, before.length)).toEqual(before);
  expect(finished).toContain('perspectives/analytical/answer');
  const repeated = events.flatMap((event) => (event.type === 'step-repeated' ? [event.step] : []));
  expect(repeated.some((step) => finished.includes(step))).toBe(false);
  expect(repeated.length).toBeGreaterThan(0);
  expect(ollama.journal.calls.length).toBeGreaterThan(answered);
  const runs = events.filter((event) => event.type === 'code-finished');
  expect(runs).toMatchObject([{ run: { result: { outcome: 'exited', exit_code: 0 } } }]);
});
