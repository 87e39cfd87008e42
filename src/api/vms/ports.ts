import { z } from 'zod';
import { PortNumber, PreviewLink, PreviewLinkRequest, VmPortList } from '../../contracts/vm-ports.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';

const VmPath = z.object({ id: z.string().max(64) });
const PortPath = VmPath.extend({ port: PortNumber });

/** Adds the list of ports that programs in a VM listen on, and the making of links to them. */
export function addPortRoutes(app: HttpServer, service: VmService): void {
  app.route({
    method: 'GET',
    url: '/api/v1/vms/:id/ports',
    schema: {
      summary: 'List the TCP ports that programs in a VM listen on',
      description: 'Each is shown to its owner at `/preview/{id}/{port}/`. The VM needs no network for it.',
      tags: ['ports'],
      params: VmPath,
      response: { 200: VmPortList },
    },
    handler: async ({ params: { id } }) => ({ ports: [...(await (await service.ports(id)).list())] }),
  });
  app.route({
    method: 'POST',
    url: '/api/v1/vms/:id/ports/:port/link',
    schema: {
      summary: 'Make a link to a port of a VM',
      description:
        'Whoever has it sees what the program on the port answers, over HTTP and WebSocket, until it expires or the VM is deleted. Nothing needs to listen there yet.',
      tags: ['ports'],
      params: PortPath,
      body: PreviewLinkRequest.nullish(),
      response: { 200: PreviewLink },
    },
    handler: async (request) => {
      const { id: vmId, port } = request.params;
      const { ttl_seconds: seconds } = PreviewLinkRequest.parse(request.body ?? {});
      const vm = service.named.get(vmId);
      const { token, expiresAt } = service.links.previews.sign({ vmId: vm.id, port }, seconds * 1000);
      const url = `${request.protocol}://${request.host}/preview/link/${token}/`;
      return { url, expires_at: expiresAt.toISOString() };
    },
  });
}
