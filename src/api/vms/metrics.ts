import { z } from 'zod';
import { VmConsole, VmMetrics } from '../../contracts/vm-metrics.ts';
import type { HttpServer } from '../../http/index.ts';
import type { VmService } from '../../vm/index.ts';
import { toVm } from './present.ts';

const VmPath = z.object({ id: z.string().max(64) });

const mebibyte = 1024 * 1024;

async function toMetrics(service: VmService, id: string): Promise<VmMetrics> {
  const { host, guest, guestProblem } = await service.named.usage(id);
  const { status, vcpus, memory_mb: memoryMib } = toVm(service.named.get(id));
  return {
    vm_id: id,
    at: new Date().toISOString(),
    status,
    vcpus,
    memory_limit_bytes: memoryMib * mebibyte,
    host: {
      cpu_time_ms: host.cpuTimeMs,
      threads: host.threads,
      memory_resident_bytes: host.residentBytes,
      ...(host.proportionalBytes === undefined ? {} : { memory_proportional_bytes: host.proportionalBytes }),
    },
    ...(guest === undefined
      ? {}
      : {
          guest: {
            memory_total_bytes: guest.memoryTotalBytes,
            memory_available_bytes: guest.memoryAvailableBytes,
            disk_total_bytes: guest.diskTotalBytes,
            disk_available_bytes: guest.diskAvailableBytes,
            processes: guest.processes,
            load_1: guest.load,
            uptime_ms: guest.uptimeMs,
          },
        }),
    ...(guestProblem === undefined ? {} : { guest_problem: guestProblem }),
  };
}

/** Adds what a VM uses and what it wrote on its console. */
export function addMetricsRoutes(app: HttpServer, service: VmService): void {
  const tags = ['VMs'];
  app.route({
    method: 'GET',
    url: '/api/v1/vms/:id/metrics',
    schema: {
      summary: 'Show what a VM uses now',
      description: 'Of its process on the host, and as its guest sees it. A paused VM stays paused.',
      tags,
      params: VmPath,
      response: { 200: VmMetrics },
    },
    handler: async (request) => toMetrics(service, request.params.id),
  });
  app.route({
    method: 'GET',
    url: '/api/v1/vms/:id/console',
    schema: {
      summary: 'Show the last that a VM wrote on its console',
      description: 'Kernel and agent write there. It is there also for a VM that failed.',
      tags,
      params: VmPath,
      response: { 200: VmConsole },
    },
    handler: async (request) => ({ vm_id: request.params.id, text: service.named.console(request.params.id) }),
  });
}
