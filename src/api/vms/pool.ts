import { z } from 'zod';
import { AgentPool, CreateVmRequest, CreateVmResponse, PoolList, PoolStatistics } from '../../contracts/vms.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { createVm, IdempotencyHeaders } from './create-vm.ts';
import { toPoolStatistics, toVm } from './present.ts';

const AgentPath = z.object({ agent_id: z.string().max(200) });

type PoolVm = z.infer<typeof PoolList>['vms'][number];

/** Clones that are ready, then VMs that somebody has. */
function listPool(service: VmService): { available: PoolVm[]; inUse: (PoolVm & { agentId?: string | undefined })[] } {
  const available = service.readyClones().map(({ id, createdAt, vmType }) => ({
    id,
    name: id,
    vm_type: vmType,
    status: 'available',
    created_at: createdAt.toISOString(),
  }));
  const inUse = service.named.list().map((named) => {
    const { id, name, vm_type, status, created_at, last_activity, agent_id } = toVm(named);
    const activity = last_activity === undefined ? {} : { last_activity };
    return { id, name, vm_type, status, created_at, ...activity, agentId: agent_id };
  });
  return { available, inUse };
}

/** Adds upstream's questions about the pool. */
export function addPoolRoutes(app: HttpServer, service: VmService): void {
  const tags = ['pool'];
  app.route({
    method: 'GET',
    url: '/api/llm/vm-pool/:agent_id',
    schema: {
      summary: 'Show the pool and the VMs of one agent',
      tags,
      params: AgentPath,
      response: { 200: AgentPool },
    },
    handler: async (request) => {
      const { available, inUse } = listPool(service);
      const { agent_id } = request.params;
      return {
        agent_id,
        available_vms: available,
        in_use_vms: inUse.filter((vm) => vm.agentId === agent_id),
        pool_config: toPoolStatistics(service),
      };
    },
  });
  app.route({
    method: 'GET',
    url: '/api/vm-pool/stats',
    schema: { summary: 'Count clones and claims', tags, response: { 200: PoolStatistics } },
    handler: async () => toPoolStatistics(service),
  });
  app.route({
    method: 'GET',
    url: '/api/vm-pool/list',
    schema: { summary: 'List clones that are ready and VMs in use', tags, response: { 200: PoolList } },
    handler: async () => {
      const { available, inUse } = listPool(service);
      return { vms: [...available, ...inUse], stats: toPoolStatistics(service) };
    },
  });
  app.route({
    method: 'POST',
    url: '/api/vm-pool/allocate',
    schema: {
      summary: 'Take a VM out of the pool',
      description: 'The same as POST /api/vms. Upstream gave out addresses here; VMs of this version have no network.',
      tags,
      headers: IdempotencyHeaders,
      body: CreateVmRequest.nullish(),
      response: { 200: CreateVmResponse },
    },
    handler: async (request) =>
      createVm(service, CreateVmRequest.parse(request.body ?? {}), request.headers['idempotency-key']),
  });
}
