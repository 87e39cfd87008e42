import { z } from 'zod';
import {
  CreateVmRequest,
  CreateVmResponse,
  DeleteVmResponse,
  metadataPrefix,
  Vm,
  VmList,
  VmListQuery,
} from '../../contracts/vms.ts';
import type { HttpServer } from '../../http/index.ts';
import { selectVms, type VmService } from '../../vm/index.ts';
import { createVm, IdempotencyHeaders } from './create-vm.ts';
import { toState, toUsage, toVm } from './present.ts';

const VmPath = z.object({ id: z.string().max(64) });

function listVms(service: VmService, query: z.infer<typeof VmListQuery>): z.infer<typeof VmList> {
  const { state, name, limit, cursor, ...labels } = query;
  const metadata = Object.fromEntries(
    Object.entries(labels).map(([key, value]) => [key.slice(metadataPrefix.length), value as string]),
  );
  const filter = {
    ...(state === undefined ? {} : { state: toState(state) }),
    ...(name === undefined ? {} : { name }),
    metadata,
  };
  const page = selectVms(service.named.list(), filter, { limit, ...(cursor === undefined ? {} : { cursor }) });
  return {
    total: page.total,
    vms: page.vms.map((vm) => toVm(vm)),
    ...(page.nextCursor === undefined ? {} : { next_cursor: page.nextCursor }),
    user: 'owner',
    tiers: { donation: 'none', subscription: 'none' },
    usage: toUsage(service),
  };
}

function addCreateAndList(app: HttpServer, service: VmService, prefix: string): void {
  const tags = ['VMs'];
  app.route({
    method: 'POST',
    url: `${prefix}/vms`,
    schema: {
      summary: 'Make a VM that lives until it is deleted or its timeout ends',
      tags,
      headers: IdempotencyHeaders,
      body: CreateVmRequest,
      response: { 200: CreateVmResponse },
    },
    handler: async (request) => createVm(service, request.body, request.headers['idempotency-key']),
  });
  app.route({
    method: 'GET',
    url: `${prefix}/vms`,
    schema: {
      summary: 'List VMs',
      description:
        'The oldest first. `state`, `name` and any number of `metadata.KEY=VALUE` filter; all of them must hold. `limit` and `cursor` page.',
      tags,
      querystring: VmListQuery,
      response: { 200: VmList },
    },
    handler: async (request) => listVms(service, request.query),
  });
}

/** Adds create, list, show and delete of VMs below a prefix, `/api` or `/api/v1`. */
export function addMachineRoutes(app: HttpServer, service: VmService, prefix: string): void {
  const tags = ['VMs'];
  addCreateAndList(app, service, prefix);
  app.route({
    method: 'GET',
    url: `${prefix}/vms/:id`,
    schema: {
      summary: 'Show a VM',
      description: '`status` is `running` only once the guest has answered.',
      tags,
      params: VmPath,
      response: { 200: Vm },
    },
    handler: async (request) => toVm(service.named.get(request.params.id)),
  });
  app.route({
    method: 'DELETE',
    url: `${prefix}/vms/:id`,
    schema: {
      summary: 'Delete a VM in whatever state it is',
      tags,
      params: VmPath,
      response: { 200: DeleteVmResponse },
    },
    handler: async (request) => {
      await service.named.delete(request.params.id);
      return { id: request.params.id, status: 'deleted' as const };
    },
  });
}
