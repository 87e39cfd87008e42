import { z } from 'zod';
import { Vm } from '../../contracts/vms.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { toVm } from './present.ts';

const VmPath = z.object({ id: z.string().max(64) });

/** Adds pause and resume of VMs below a prefix, `/api` or `/api/v1`. */
export function addLifeCycleRoutes(app: HttpServer, service: VmService, prefix: string): void {
  const tags = ['VMs'];
  app.route({
    method: 'POST',
    url: `${prefix}/vms/:id/pause`,
    schema: {
      summary: 'Pause a VM',
      description:
        'Its memory stays, and what runs in it stands still until it is resumed. A paused VM stays paused; the next call that needs its guest resumes it.',
      tags,
      params: VmPath,
      response: { 200: Vm },
    },
    handler: async (request) => toVm(await service.named.pause(request.params.id), service),
  });
  app.route({
    method: 'POST',
    url: `${prefix}/vms/:id/resume`,
    schema: {
      summary: 'Resume a paused VM',
      description: 'It goes on where it stood, with the right time. A running VM stays running.',
      tags,
      params: VmPath,
      response: { 200: Vm },
    },
    handler: async (request) => toVm(await service.named.resume(request.params.id), service),
  });
}
