import { stat } from 'node:fs/promises';
import type { FastifyReply } from 'fastify';
import { BenchmarkRequest, VmBenchmark, VmCapabilities, VmTemplateList } from '../../contracts/capabilities.ts';
import { type HttpServer, requestSignal } from '../../http/index.ts';
import { typeAliases, type VmService } from '../../vm/index.ts';

const sizeOf = async (path: string): Promise<number> => (await stat(path)).size;

async function listImages(service: VmService): Promise<{ images: (typeof VmTemplateList)['_output']['images'] }> {
  const image = await service.image();
  const { vcpus, memoryMib } = service.size;
  return {
    images: [
      {
        name: image.name,
        aliases: [...typeAliases],
        image_id: image.hash,
        disk_bytes: await sizeOf(image.disk),
        kernel_bytes: await sizeOf(image.kernel),
        command_line: image.commandLine,
        vcpus,
        memory_mb: memoryMib,
      },
    ],
  };
}

async function toCapabilities(service: VmService): Promise<VmCapabilities> {
  const { driver, version, accelerator, cpu, confinement, missing } = await service.capabilities();
  const { last } = service.benchmark;
  return {
    driver,
    driver_version: version,
    accelerator,
    cpu,
    confinement: [...confinement],
    missing: [...missing],
    languages: [...service.policy.allowedLanguages],
    max_vms: service.poolStats().maxVms,
    vcpus: service.size.vcpus,
    memory_mb: service.size.memoryMib,
    ...(last === undefined ? {} : { benchmark: last }),
  };
}

/** Adds what the service can do on this machine, how fast it is there, and what its VMs are made of. */
export function addCapabilityRoutes(app: HttpServer, service: VmService): void {
  app.route({
    method: 'GET',
    url: '/health/capabilities',
    schema: {
      summary: 'Say what the service can do on this machine, and how fast it was measured',
      tags: ['health'],
      response: { 200: VmCapabilities },
    },
    handler: async () => toCapabilities(service),
  });
  app.route({
    method: 'POST',
    url: '/api/v1/benchmark',
    schema: {
      summary: 'Measure how fast this machine is, by making and using VMs one after the other',
      description:
        'Takes about three seconds a round, and up to one VM at a time. The result is kept and shown in /health/capabilities.',
      tags: ['health'],
      body: BenchmarkRequest.nullish(),
      response: { 200: VmBenchmark },
    },
    handler: async (request, reply) => {
      const { rounds } = BenchmarkRequest.parse(request.body ?? {});
      const { driver, version, accelerator } = await service.capabilities();
      const { vcpus, memoryMib } = service.size;
      const circumstances = { driver, driver_version: version, accelerator, vcpus, memory_mb: memoryMib };
      return service.benchmark.run(rounds, circumstances, requestSignal(reply as unknown as FastifyReply));
    },
  });
  app.route({
    method: 'GET',
    url: '/api/v1/images',
    schema: { summary: 'List what VMs are made of', tags: ['VMs'], response: { 200: VmTemplateList } },
    handler: async () => listImages(service),
  });
}
