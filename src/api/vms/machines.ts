import { z } from 'zod';
import { CreateVmRequest, CreateVmResponse, DeleteVmResponse, Vm, VmList } from '../../contracts/vms.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { toUsage, toVm } from './present.ts';

const VmPath = z.object({ id: z.string().max(64) });

type CreateAnswer = z.infer<typeof CreateVmResponse>;

/** Begins to make a VM and answers before it is there, as upstream does. */
export function createVm(service: VmService, wish: CreateVmRequest): CreateAnswer {
  const name = wish.vm_name ?? wish.name;
  const vm = service.named.create({
    vmType: wish.vm_type,
    ...(name === undefined ? {} : { name }),
    ...(wish.agent_id === undefined ? {} : { agentId: wish.agent_id }),
  });
  return {
    id: vm.id,
    name: vm.name,
    status: 'Creating',
    vm_type: vm.vmType,
    requested_vm_type: vm.requestedVmType,
    created_at: vm.createdAt.toISOString(),
  };
}

/** Adds create, list, show and delete of VMs below a prefix, `/api` or `/api/v1`. */
export function addMachineRoutes(app: HttpServer, service: VmService, prefix: string): void {
  const tags = ['VMs'];
  app.route({
    method: 'POST',
    url: `${prefix}/vms`,
    schema: {
      summary: 'Make a VM that lives until it is deleted',
      tags,
      body: CreateVmRequest,
      response: { 200: CreateVmResponse },
    },
    handler: async (request) => createVm(service, request.body),
  });
  app.route({
    method: 'GET',
    url: `${prefix}/vms`,
    schema: { summary: 'List VMs', tags, response: { 200: VmList } },
    handler: async () => {
      const vms = service.named.list().map((vm) => toVm(vm, service));
      const tiers = { donation: 'none', subscription: 'none' };
      return { total: vms.length, vms, user: 'owner', tiers, usage: toUsage(service) };
    },
  });
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
    handler: async (request) => toVm(service.named.get(request.params.id), service),
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
