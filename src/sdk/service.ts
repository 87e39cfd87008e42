import type { z } from 'zod';
import { VmBenchmark, VmCapabilities, type VmTemplate, VmTemplateList } from '../contracts/capabilities.ts';
import { VmConsole, VmMetrics } from '../contracts/vm-metrics.ts';
import { type ConnectionOptions, type RequestOptions, send } from './http.ts';

/** What a VM service can do, how fast it is, and what its VMs use. Everything throws the server's errors and SERVICE_NOT_RUNNING. */
export interface ServiceClient {
  capabilities(signal?: AbortSignal): Promise<VmCapabilities>;
  /** Makes and uses so many VMs one after the other; answers when all are gone. Throws CONFLICT while another benchmark runs. */
  runBenchmark(rounds: number, signal: AbortSignal): Promise<VmBenchmark>;
  images(signal?: AbortSignal): Promise<readonly VmTemplate[]>;
  /** What a VM uses now; a paused one stays so. */
  vmMetrics(id: string, signal?: AbortSignal): Promise<VmMetrics>;
  /** The last that a VM wrote on its console. */
  console(id: string, signal?: AbortSignal): Promise<string>;
}

/** Creates the part of the client that looks at the service and what it uses. */
export function createServiceClient(connection: ConnectionOptions): ServiceClient {
  const call = async <TSchema extends z.ZodType>(
    schema: TSchema,
    path: string,
    { signal, ...options }: Omit<RequestOptions, 'signal'> & { readonly signal?: AbortSignal | undefined },
  ): Promise<z.infer<TSchema>> => {
    const response = await send(connection, path, signal === undefined ? options : { ...options, signal });
    return schema.parse(await response.json());
  };
  const pathOf = (id: string): string => `/api/v1/vms/${encodeURIComponent(id)}`;
  return {
    capabilities: (signal) => call(VmCapabilities, '/health/capabilities', { signal }),
    runBenchmark: (rounds, signal) =>
      call(VmBenchmark, '/api/v1/benchmark', { method: 'POST', body: { rounds }, signal }),
    images: async (signal) => (await call(VmTemplateList, '/api/v1/images', { signal })).images,
    vmMetrics: (id, signal) => call(VmMetrics, `${pathOf(id)}/metrics`, { signal }),
    console: async (id, signal) => (await call(VmConsole, `${pathOf(id)}/console`, { signal })).text,
  };
}
