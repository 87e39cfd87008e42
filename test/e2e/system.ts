import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensureServiceKey, instanceFiles } from '../../src/apps/all/index.ts';
import { type RunningAgentServer, startAgentServer } from '../../src/apps/terraphim-server/index.ts';
import { ensureIdentityKey, restateCommand } from '../../src/engine/index.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { type FakeOllama, type Script, startFakeOllama } from '../fixtures/fake-ollama/index.ts';
import { startTestVmService, type TestVmService } from '../fixtures/vm-service.ts';
import { buildPages } from './pages.ts';

/** The whole of Bigbox but the model: Restate, the VM service with real microVMs, the agent server with the built pages. */
export interface TestSystem {
  readonly ollama: FakeOllama;
  readonly vms: TestVmService;
  /** Changes with `restart` in all but its address. */
  readonly url: string;
  /** What the processes of Bigbox show each other. */
  readonly serviceKey: string;
  loginLink(): Promise<string>;
  /** Stops the agent server; `start` brings it back at the same address. */
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

async function startRestate(dataDir: string): Promise<ChildProcess> {
  const { restateDirectory: directory, restateIdentity: identityKeyFile } = instanceFiles(dataDir);
  await ensureIdentityKey(identityKeyFile);
  await mkdir(directory, { recursive: true });
  const { file, args, env } = restateCommand({ directory, identityKeyFile });
  return spawn(file, args, { env: { ...env }, stdio: 'ignore' });
}

/** Starts everything in a directory of its own, which `close` removes; the model's answers come from the script. */
export async function startSystem(script: Script): Promise<TestSystem> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bb-'));
  const restate = await startRestate(dataDir);
  const ollama = await startFakeOllama({ models: ['fake:latest'], script, tokenDelayMs: 5 });
  const serviceKey = await ensureServiceKey(dataDir);
  const vms = await startTestVmService({ pool: { least: 1, most: 1, memoryBytes: 2 ** 30 }, serviceKey });
  await vms.ready(AbortSignal.timeout(240_000));
  const pagesDir = await buildPages();
  const startServer = (port: number): Promise<RunningAgentServer> =>
    startAgentServer({
      dataDir,
      port,
      model: { provider: 'ollama', name: 'fake:latest', baseUrl: ollama.url },
      modelServiceUrl: ollama.url,
      vmUrl: vms.url,
      execution: { enabled: true, languages: ['python'] },
      limits: { concurrentRuns: 4, concurrentModelCalls: 8 },
      openOnLoopback: false,
      allowedOrigins: [],
      configuration: {},
      notices: [],
      pagesDir,
      logger: silentLogger,
    });
  let server = await startServer(0);
  const { url } = server;
  return {
    ollama,
    vms,
    url,
    serviceKey,
    loginLink: () => server.loginLink(),
    stop: () => server.close(),
    start: async () => {
      server = await startServer(Number(new URL(url).port));
    },
    close: async () => {
      await server.close();
      restate.kill('SIGTERM');
      await once(restate, 'exit');
      await Promise.all([vms.close(), ollama.close()]);
      await rm(dataDir, { recursive: true, force: true });
    },
  };
}
