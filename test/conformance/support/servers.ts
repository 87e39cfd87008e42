import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { agentServerFiles, startAgentServer } from '../../../src/apps/terraphim-server/index.ts';
import { silentLogger } from '../../../src/lib/log.ts';

/** A server under test, with a key that opens it. */
export interface ServerUnderTest {
  readonly name: string;
  readonly url: string;
  readonly key: string;
  /** Path of a WebSocket that it serves. */
  readonly webSocket: string;
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
  const key = (await readFile(agentServerFiles(dataDir).serviceKey, 'utf8')).trim();
  return {
    name: 'agent server',
    url: server.url,
    key,
    webSocket: '/ws',
    close: async () => {
      await server.close();
      await rm(dataDir, { recursive: true });
    },
  };
}
