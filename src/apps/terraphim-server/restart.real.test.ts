import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureIdentityKey, restateCommand } from '../../engine/index.ts';
import { silentLogger } from '../../lib/log.ts';
import { type AgentClient, createAgentClient } from '../../sdk/index.ts';
import { type FakeOllama, startFakeOllama } from '../../../test/fixtures/fake-ollama/index.ts';
import { instanceFiles } from '../all/index.ts';
import { type RunningAgentServer, startAgentServer } from './index.ts';

let dataDir: string;
let restate: ChildProcess;
let ollama: FakeOllama;
let server: RunningAgentServer | undefined;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bb-'));
  const { restateDirectory: directory, restateIdentity: identityKeyFile } = instanceFiles(dataDir);
  await ensureIdentityKey(identityKeyFile);
  await mkdir(directory, { recursive: true });
  const { file, args, env } = restateCommand({ directory, identityKeyFile });
  restate = spawn(file, args, { env: { ...env }, stdio: 'ignore' });
  ollama = await startFakeOllama({ models: ['fake:latest'] });
});

afterAll(async () => {
  await server?.close();
  restate.kill('SIGTERM');
  await once(restate, 'exit');
  await ollama.close();
  await rm(dataDir, { recursive: true });
});

const start = (port = 0): Promise<RunningAgentServer> =>
  startAgentServer({
    dataDir,
    port,
    model: { provider: 'ollama', name: 'fake:latest', baseUrl: ollama.url },
    modelServiceUrl: ollama.url,
    vmUrl: 'http://127.0.0.1:1',
    execution: { enabled: false, languages: [] },
    limits: { concurrentRuns: 4, concurrentModelCalls: 4 },
    openOnLoopback: false,
    allowedOrigins: [],
    configuration: {},
    notices: [],
    logger: silentLogger,
  });

async function clientOf({ url }: RunningAgentServer): Promise<AgentClient> {
  return createAgentClient({
    baseUrl: url,
    key: (await readFile(instanceFiles(dataDir).serviceKey, 'utf8')).trim(),
  });
}

test('a run that the server left in the middle is finished by the next one, and no finished call is made again', async () => {
  server = await start();
  const hold = ollama.journal.hold('You are a sceptic');
  const id = await (
    await clientOf(server)
  ).startParallel({ prompt: 'The price of bread', perspectives: ['analytical', 'critical'] });
  await hold.entered;
  for await (const event of (await clientOf(server)).events(id, { signal: AbortSignal.timeout(60_000) }))
    if (event.type === 'answer-available' && event.agent === 'analytical') break;

  await server.close();
  server = await start();
  hold.release();

  const client = await clientOf(server);
  const events = await Array.fromAsync(client.events(id, { signal: AbortSignal.timeout(60_000) }));
  expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'completed' });
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_event, index) => index + 1));
  expect(events.some(({ type }) => type === 'run-resumed')).toBe(true);
  expect(ollama.journal.repeats()).toEqual([]);
});

test('the service key is kept for the user alone, and the port is taken once', async () => {
  server ??= await start();
  expect((await stat(instanceFiles(dataDir).serviceKey)).mode & 0o777).toBe(0o600);
  const { port } = new URL(server.url);
  await expect(start(Number(port))).rejects.toMatchObject({ code: 'PORT_IN_USE' });
  await expect(server.loginLink()).resolves.toMatch(/^http:\/\/127\.0\.0\.1:\d+\/#login=\S{43}$/);
});
