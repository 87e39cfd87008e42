import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { PortNumber, tunnelProtocol } from '../../contracts/vm-ports.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { acceptUpgrade } from './accept-upgrade.ts';

const PortPath = z.object({ id: z.string().max(64), port: PortNumber });

/** Adds the plain connection to a port of a VM: after the upgrade the bytes of both sides pass as they are, and so do their ends. */
export function addTunnelRoute(app: HttpServer, service: VmService): void {
  app.route({
    method: 'GET',
    url: '/api/v1/vms/:id/ports/:port/tunnel',
    exposeHeadRoute: false,
    schema: { params: PortPath, hide: true },
    // All is done before the handler, which does not get requests for an upgrade.
    preHandler: async (request, reply) => {
      if (request.headers.upgrade?.toLowerCase() !== tunnelProtocol)
        throw new BigboxError('INVALID_REQUEST', {
          message: `A tunnel begins with an upgrade to ${tunnelProtocol}, and the request asks for ${request.headers.upgrade ?? 'none'}.`,
          remedy: 'Use fcctl vm port forward.',
        });
      const { id, port } = PortPath.parse(request.params);
      const stream = await (await service.ports(id)).connect(port);
      const socket = acceptUpgrade(reply.raw, request.raw, { connection: 'upgrade', upgrade: tunnelProtocol });
      reply.hijack();
      await Promise.allSettled([pipeline(socket, stream), pipeline(stream, socket)]);
      stream.destroy();
      socket.destroy();
    },
    handler: async () => undefined,
  });
}
