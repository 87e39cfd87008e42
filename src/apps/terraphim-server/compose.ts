import { addAgentApi } from '../../api/agents/index.ts';
import type { SystemStatus } from '../../contracts/health.ts';
import type { Engine } from '../../engine/index.ts';
import { createGateway, type Gateway } from '../../gateway/index.ts';
import { createHttpServer, type HttpServer } from '../../http/index.ts';
import { systemClock } from '../../lib/clock.ts';
import { version } from '../../lib/version.ts';
import { createModelSource } from '../../llm/index.ts';
import { createMetrics, type Metrics } from '../../observe/index.ts';
import { createSandbox, createVmClient } from '../../sdk/index.ts';
import type { Records } from '../../store/index.ts';
import { agentCalls, createRuns, loadCatalog, type Runs } from '../../workflows/index.ts';
import type { AgentServerOptions } from './options.ts';
import { createSystemWatch, type SystemWatch } from './system-watch.ts';

export interface Foundation {
  readonly records: Records;
  readonly engine: Engine;
  readonly serviceKey: string;
  /** The server's own address, once it is known. */
  readonly publicUrl: () => string;
}

/** The parts of a running agent server that its owner needs again. */
export interface Composition {
  readonly app: HttpServer;
  readonly gateway: Gateway;
  readonly runs: Runs;
  close(): Promise<void>;
}

const topicLength = 20_000;

/** Puts the agent server together on records and an engine; listens to nothing yet. Owns neither records nor engine. */
export async function composeAgentServer(options: AgentServerOptions, foundation: Foundation): Promise<Composition> {
  const { records, engine, serviceKey, publicUrl } = foundation;
  const { logger, clock = systemClock, limits } = options;
  const stopping = new AbortController();
  const models = createModelSource({
    configured: options.model,
    fallback: { baseUrl: options.modelServiceUrl },
    clock,
  });
  const vms = createVmClient({ baseUrl: options.vmUrl, key: serviceKey });
  const languages = options.execution.enabled ? options.execution.languages : [];
  const catalog = loadCatalog();
  const runs = await createRuns({
    records,
    engine,
    models,
    sandbox: createSandbox(vms, languages),
    agents: agentCalls,
    catalog,
    clock,
    logger,
    limits: { concurrentRuns: limits.concurrentRuns, concurrentCalls: limits.concurrentModelCalls, topicLength },
  });
  const watch = createSystemWatch({ models, vms, clock, signal: stopping.signal });
  const gateway = createGateway({ records, serviceKey, publicUrl, clock, openOnLoopback: options.openOnLoopback });
  const app = await createApp(options, gateway);
  const metrics = measure(app, runs);
  await addAgentApi(app, {
    runs,
    gateway,
    catalog,
    metrics,
    readHealth: () => toHealth(runs, watch),
    readSystem: () => toSystem(options, { runs, watch, publicUrl }),
    readConfiguration: () => options.configuration,
    vmService: { url: options.vmUrl, serviceKey },
    ...(options.pagesDir === undefined ? {} : { pagesDir: options.pagesDir }),
  });
  return {
    app,
    gateway,
    runs,
    async close() {
      stopping.abort();
      await Promise.all([app.close(), runs.close()]);
    },
  };
}

const createApp = (options: AgentServerOptions, { authenticate }: Gateway): Promise<HttpServer> =>
  createHttpServer({
    service: 'terraphim-server',
    title: 'Bigbox agent server',
    description:
      'Runs workflows of several agents, streams what they do, and serves the pages. Every route but those marked open asks for a session or an API key as a bearer token. The workflow routes stand at the root and below /api.',
    logger: options.logger,
    authenticate,
    allowedOrigins: options.allowedOrigins,
    ...(options.allowedHosts === undefined ? {} : { allowedHosts: options.allowedHosts }),
  });

function measure(app: HttpServer, runs: Runs): Metrics {
  const metrics = createMetrics('terraphim-server');
  metrics.addGauge('bigbox_runs_active', 'Runs that are pending or running', () => runs.health().activeRuns);
  app.addHook('onResponse', async (request, reply) =>
    metrics.observeRequest({
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      durationMs: reply.elapsedTime,
    }),
  );
  return metrics;
}

function toHealth(runs: Runs, watch: SystemWatch): { readonly ready: boolean; readonly problems: readonly string[] } {
  const { ready, problems } = runs.health();
  return { ready, problems: [...problems, ...watch.problems()] };
}

async function toSystem(
  options: AgentServerOptions,
  { runs, watch, publicUrl }: { readonly runs: Runs; readonly watch: SystemWatch; readonly publicUrl: () => string },
): Promise<SystemStatus> {
  const { model, vm } = await watch.read();
  const { ready, problems } = runs.health();
  return {
    ready: ready && model.state === 'ready' && (!options.execution.enabled || vm.state === 'ready'),
    url: publicUrl(),
    version,
    vm,
    model,
    notices: [...options.notices, ...problems],
  };
}
