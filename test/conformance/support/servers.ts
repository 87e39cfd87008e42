import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startVmService } from '../../../src/apps/fcctl-web/index.ts';
import { instanceFiles } from '../../../src/apps/all/index.ts';
import { startAgentServer } from '../../../src/apps/terraphim-server/index.ts';
import { silentLogger } from '../../../src/lib/log.ts';
import { plainHooks } from '../../../src/vm/index.ts';

/** A server under test, with a key that opens it. */
export interface ServerUnderTest {
  readonly name: string;
  readonly url: string;
  readonly key: string;
  /** Path of a WebSocket that it serves. */
  readonly webSocket: string;
  /** What that path answers to who may call: the VM service knows no such VM. */
  readonly welcome: 'open' | 404;
  close(): Promise<void>;
}

/** Nothing listens there: what these tests send must not get as far as a model or a VM. */
const nowhere = 'http://127.0.0.1:1';

/** Starts the agent server as it is run, with Restate and the model not there. */
export async function startAgents(): Promise<ServerUnderTest> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bigbox-agents-'));
  const server = await startAgentServer({
    dataDir,
    port: 0,
    model: {},
    modelServiceUrl: nowhere,
    vmUrl: nowhere,
    execution: { enabled: false, languages: [] },
    limits: { concurrentRuns: 1, concurrentModelCalls: 1 },
    openOnLoopback: false,
    allowedOrigins: [],
    configuration: {},
    notices: [],
    logger: silentLogger,
  });
  const key = (await readFile(instanceFiles(dataDir).serviceKey, 'utf8')).trim();
  return {
    name: 'agent server',
    url: server.url,
    key,
    webSocket: '/ws',
    welcome: 'open',
    close: async () => {
      await server.close();
      await rm(dataDir, { recursive: true });
    },
  };
}

/** Starts the VM service as it is run, but without an image: whatever would need a VM is refused. */
export async function startVms(): Promise<ServerUnderTest> {
  const dataDir = await mkdtemp(join(tmpdir(), 'bigbox-vms-'));
  const key = 'a-service-key-for-tests-only';
  const server = await startVmService({
    dataDir,
    port: 0,
    hooks: plainHooks,
    pool: { least: 1, most: 1, memoryBytes: 2 ** 30 },
    vmMemoryMib: 128,
    maxVms: 2,
    maxOutputBytes: 4096,
    languages: ['bash'],
    validateCode: true,
    maxCodeLength: 1000,
    timeoutMs: 1000,
    serviceKey: key,
    verifyUrl: `${nowhere}/api/v1/auth/verify`,
    allowedOrigins: [],
    openOnLoopback: false,
    loadImage: () => Promise.reject(new Error('These tests have no image.')),
    logger: silentLogger,
  });
  return {
    name: 'VM service',
    url: server.url,
    key,
    webSocket: '/ws/vm-none',
    welcome: 404,
    close: async () => {
      await server.close();
      await rm(dataDir, { recursive: true });
    },
  };
}
