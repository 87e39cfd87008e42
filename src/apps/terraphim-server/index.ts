import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { createMemoryEngine, createRestateEngine, ensureIdentityKey } from '../../engine/index.ts';
import { type ApiDocument, describeServer, listen } from '../../http/index.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { openRecords } from '../../store/index.ts';
import { composeAgentServer } from './compose.ts';
import { ensureServiceKey, instanceFiles } from '../all/instance-files.ts';
import type { AgentServerOptions, RunningAgentServer } from './options.ts';

export type { AgentServerOptions, RunningAgentServer } from './options.ts';

/**
 * Starts the agent server with the worker that Restate calls; Restate itself is started by a supervisor, before or after. Runs that an
 * earlier process left go on. Throws PORT_IN_USE, CONFIG_UNREADABLE (a key file that holds no key).
 */
export async function startAgentServer(options: AgentServerOptions): Promise<RunningAgentServer> {
  const { logger, clock = systemClock } = options;
  const files = instanceFiles(options.dataDir);
  const serviceKey = await ensureServiceKey(options.dataDir);
  const identityKey = await ensureIdentityKey(files.restateIdentity);
  await mkdir(dirname(files.database), { recursive: true, mode: 0o700 });
  const records = await openRecords({ path: files.database });
  const engine = createRestateEngine({ directory: files.restateDirectory, identityKey, clock, logger });
  let url = '';
  const server = await composeAgentServer(options, { records, engine, serviceKey, publicUrl: () => url }).catch(
    async (error: unknown) => {
      await records.close();
      throw error;
    },
  );
  const close = async (): Promise<void> => {
    await server.close();
    await records.close();
  };
  try {
    url = await listen(server.app, {
      port: options.port,
      ...(options.host === undefined ? {} : { host: options.host }),
    });
  } catch (error) {
    await close();
    throw error;
  }
  return { url, loginLink: async () => (await server.gateway.createLoginLink()).url, close };
}

/** The OpenAPI document of the agent server, from an instance that listens to nothing and forgets everything. */
export async function describeAgentServer(): Promise<ApiDocument> {
  const nowhere = 'http://127.0.0.1';
  const records = await openRecords({ path: ':memory:' });
  const options: AgentServerOptions = {
    dataDir: '',
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
    logger: createLogger('terraphim-server', 'silent'),
  };
  const engine = createMemoryEngine();
  const server = await composeAgentServer(options, { records, engine, serviceKey: 'none', publicUrl: () => nowhere });
  try {
    return await describeServer(server.app);
  } finally {
    await server.close();
    await records.close();
  }
}
