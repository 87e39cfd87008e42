import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import type { HttpServer } from '../../http/index.ts';

const patterns = ['prompt-chain', 'route', 'orchestrate', 'optimize', 'vm-execution-demo'] as const;

const WorkflowRequest = z.looseObject({ prompt: z.string().min(1).max(20_000) });

function refuse(what: string): never {
  throw new BigboxError('NOT_SUPPORTED', { message: `${what} is not built in this version.`, context: { what } });
}

/** Adds the routes that old clients know and that this version does not build yet: they say so. */
export function addNotBuiltRoutes(app: HttpServer, prefix: string): void {
  const hide = prefix !== '';
  for (const pattern of patterns)
    app.post(
      `${prefix}/workflows/${pattern}`,
      { schema: { tags: ['not built yet'], hide, summary: `The pattern ${pattern}`, body: WorkflowRequest } },
      async () => refuse(`The workflow pattern ${pattern}`),
    );
  app.post(
    `${prefix}/config`,
    {
      schema: {
        tags: ['not built yet'],
        hide,
        summary: 'Replace the configuration',
        body: z.record(z.string(), z.unknown()),
      },
    },
    async () => refuse('Changing the configuration through the API'),
  );
}
