import { LimitList } from '../../contracts/limits.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';

/** Counts calls and connections from here on, refuses those beyond the limit, and adds the question for all limits. */
export function addLimits(app: HttpServer, service: VmService): void {
  app.addHook('onRequest', async (request, reply) => {
    if (request.routeOptions.config.open === true) return;
    const end = service.limits.connect();
    // A connection that was upgraded ends with its socket, not with an answer.
    const last = request.headers.upgrade === undefined ? reply.raw : request.raw.socket;
    last.once('close', end);
  });
  app.route({
    method: 'GET',
    url: '/api/v1/limits',
    schema: {
      summary: 'Show every limit with its use',
      description: 'What meets a limit is refused with 413, 429 or 507 and says so; what runs goes on.',
      tags: ['health'],
      response: { 200: LimitList },
    },
    handler: async () => ({ principal: 'owner' as const, limits: [...service.describeLimits()] }),
  });
}
