import { parseArgs } from 'node:util';
import { startAgentServer } from '../../../src/apps/terraphim-server/index.ts';
import { createLogger } from '../../../src/lib/log.ts';

/** The agent server as a process of its own, to be killed: `node agent-server.ts --data DIR --model URL`. Prints its address. */
const { values } = parseArgs({ options: { data: { type: 'string' }, model: { type: 'string' } } });
const { data: dataDir = '', model: modelUrl = '' } = values;
const server = await startAgentServer({
  dataDir,
  port: 0,
  model: { provider: 'ollama', name: 'fake:latest', baseUrl: modelUrl },
  modelServiceUrl: modelUrl,
  vmUrl: 'http://127.0.0.1:1',
  execution: { enabled: false, languages: [] },
  limits: { concurrentRuns: 4, concurrentModelCalls: 6 },
  openOnLoopback: false,
  allowedOrigins: [],
  configuration: {},
  notices: [],
  logger: createLogger('terraphim-server', 'silent'),
});
console.log(server.url);
