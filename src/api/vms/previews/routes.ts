import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { PortNumber } from '../../../contracts/vm-ports.ts';
import type { HttpServer } from '../../../http/index.ts';
import type { VmService } from '../../../vm/index.ts';
import { forward } from './forward.ts';

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const;
const PreviewPath = z.object({ id: z.string().max(64), port: PortNumber });
const LinkPath = z.object({ token: z.string().max(200) });
const longestCacheSeconds = '600';

/**
 * Adds `/preview/{vm}/{port}/...` for whoever has a session or a key, and `/preview/link/{token}/...` for whoever has a link: what a
 * program in a VM answers on a port. Bodies pass through unread.
 */
export function addPreviewRoutes(app: HttpServer, service: VmService): void {
  // The server waits for it before it listens, and fails with it.
  void app.register(async (scope: HttpServer) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _body, done) => done(null));
    // A path that ends behind the port counts as one without its last slash.
    for (const rest of ['', '/*']) {
      scope.route({
        method: [...methods],
        url: `/preview/:id/:port${rest}`,
        schema: { params: PreviewPath, hide: true },
        preHandler: async (request, reply) => {
          const { id, port } = PreviewPath.parse(request.params);
          await show(service, { vmId: id, port, prefix: `/preview/${id}/${port}` }, { request, reply });
        },
        handler: nothingMore,
      });
      scope.route({
        method: [...methods],
        url: `/preview/link/:token${rest}`,
        config: { open: true, anyOrigin: true },
        schema: { params: LinkPath, hide: true },
        preHandler: (request, reply) => showByLink(service, LinkPath.parse(request.params).token, { request, reply }),
        handler: nothingMore,
      });
    }
  });
}

/** All is done before the handler, which would not get requests for an upgrade: they are kept for the server's own WebSockets. */
const nothingMore = async (): Promise<void> => undefined;

async function showByLink(service: VmService, token: string, exchange: Exchange): Promise<FastifyReply | undefined> {
  const target = service.links.previews.read(token);
  if (exchange.request.headers['access-control-request-method'] !== undefined) return allow(exchange.reply);
  const end = service.limits.connect();
  try {
    await show(service, { ...target, prefix: `/preview/link/${token}` }, exchange);
  } finally {
    end();
  }
  return undefined;
}

interface Preview {
  readonly vmId: string;
  readonly port: number;
  readonly prefix: string;
}

interface Exchange {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
}

async function show(service: VmService, { vmId, port, prefix }: Preview, { request, reply }: Exchange): Promise<void> {
  const stream = await (await service.ports(vmId)).connect(port);
  // As it was written, where the port or the token may be encoded.
  const path = (request.raw.url ?? '').replace(/^\/preview\/[^/]*\/[^/?]*/, '');
  await forward(request.raw, reply.raw, { stream, port, prefix, path: path.startsWith('/') ? path : `/${path}` });
  reply.hijack();
}

/** A page whose origin is none asks before it sends what a form could not. */
const allow = (reply: FastifyReply): FastifyReply =>
  reply
    .code(204)
    .headers({
      'access-control-allow-origin': '*',
      'access-control-allow-methods': methods.join(', '),
      'access-control-allow-headers': '*',
      'access-control-max-age': longestCacheSeconds,
    })
    .send();
