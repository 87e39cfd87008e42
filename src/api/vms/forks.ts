import { z } from 'zod';
import { ForkVmRequest, ForkVmResponse, Vm } from '../../contracts/vms.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { IdempotencyHeaders } from './create-vm.ts';
import { toVm } from './present.ts';

/** Adds the forking of VMs, and the choice of a fork. */
export function addForkRoutes(app: HttpServer, service: VmService): void {
  app.route({
    method: 'POST',
    url: '/api/v1/vms/:id/forks',
    schema: {
      summary: 'Make VMs that go on from where a VM stands',
      description:
        'The VM stands still for one copy and goes on. The forks are there when their `status` is `running`; they have its memory and disk, environment, labels and timeout, and names, entropy and machine ids of their own.',
      tags: ['VMs'],
      params: z.object({ id: z.string().max(64) }),
      headers: IdempotencyHeaders,
      body: ForkVmRequest.nullish(),
      response: { 200: ForkVmResponse },
    },
    handler: async (request) => {
      const { count, name, metadata } = ForkVmRequest.parse(request.body ?? {});
      const wish = {
        count,
        ...(name === undefined ? {} : { name }),
        ...(metadata === undefined ? {} : { metadata }),
      };
      const forks = await service.forks.fork(request.params.id, wish, request.headers['idempotency-key']);
      return { forks: forks.map((vm) => toVm(vm)) };
    },
  });
  app.route({
    method: 'POST',
    url: '/api/v1/vms/:id/promote',
    schema: {
      summary: 'Let a fork take the place of the VM that it was made of',
      description:
        'That VM goes on under its own id, with its name, labels, environment and timeout, but with the memory, the disk and the processes of the fork. What it had before, the id of the fork, and all its other forks are gone then.',
      tags: ['VMs'],
      params: z.object({ id: z.string().max(64) }),
      response: { 200: Vm },
    },
    handler: async (request) => toVm(await service.promote(request.params.id)),
  });
}
