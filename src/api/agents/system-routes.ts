import { z } from 'zod';
import { Domain, Perspective } from '../../contracts/analysis.ts';
import { AgentServerHealth, SystemStatus } from '../../contracts/health.ts';
import { WorkflowCard } from '../../contracts/runs.ts';
import type { HttpServer } from '../../http/index.ts';
import { version } from '../../lib/version.ts';
import type { AgentApiOptions } from './options.ts';

const capabilities = ['parallel', 'events', 'websocket', 'cancel', 'export', 'vm_execution', 'openapi'];

/** `GET /api/v1/catalog`: what can be asked for. */
const Catalog = z.object({
  workflows: z.array(WorkflowCard),
  perspectives: z.array(Perspective),
  domains: z.array(Domain),
});

const parallelCard = {
  id: 'parallel',
  name: 'Parallel analysis',
  description:
    'Several agents look at one topic at the same time, each from its own perspective; a synthesis compares them.',
  needs: 'The model; microVMs where an agent runs code.',
  path: '/parallelization/',
} as const;

/** Adds the routes about the server itself, at the root or under a prefix. */
export function addSystemRoutes(app: HttpServer, options: AgentApiOptions, prefix: string): void {
  const hide = prefix !== '';
  app.get(
    `${prefix}/health`,
    {
      config: { open: true },
      schema: { tags: ['system'], hide, summary: 'Whether the server works', response: { 200: AgentServerHealth } },
    },
    async (): Promise<AgentServerHealth> => {
      const { ready, problems } = options.readHealth();
      return {
        status: ready ? (problems.length === 0 ? 'ok' : 'degraded') : 'starting',
        service: 'terraphim-server',
        version,
        timestamp: new Date().toISOString(),
        capabilities: [...capabilities],
        problems: [...problems],
      };
    },
  );
  app.get(
    `${prefix}/config`,
    {
      schema: {
        tags: ['system'],
        hide,
        summary: 'The configuration, secrets redacted',
        response: { 200: z.object({ status: z.literal('success'), config: z.unknown() }) },
      },
    },
    async () => ({ status: 'success', config: options.readConfiguration() }) as const,
  );
}

/** Adds the routes that only this server has: state of the system, catalogue, metrics. */
export function addNativeRoutes(app: HttpServer, { runs, catalog, readSystem, metrics }: AgentApiOptions): void {
  app.get(
    '/api/v1/system',
    { schema: { tags: ['system'], summary: 'State of model and VMs', response: { 200: SystemStatus } } },
    async () => readSystem(),
  );
  app.get(
    '/api/v1/catalog',
    { schema: { tags: ['system'], summary: 'Workflows, perspectives and domains', response: { 200: Catalog } } },
    async () => {
      const typical = await runs.typicalDurationMs();
      return {
        workflows: [{ ...parallelCard, ...(typical === undefined ? {} : { typical_ms: typical }) }],
        perspectives: [...catalog.perspectives],
        domains: [...catalog.domains],
      };
    },
  );
  app.get(
    '/metrics',
    { schema: { tags: ['system'], summary: 'Metrics in the text format of Prometheus' } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  );
}
