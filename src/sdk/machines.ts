import type { z } from 'zod';
import { type CreateVmRequest, CreateVmResponse, PoolStatistics, Vm, VmList } from '../contracts/vms.ts';
import { type ConnectionOptions, type RequestOptions, send } from './http.ts';

/** Manages the VMs of a VM service. Everything throws the server's errors and SERVICE_NOT_RUNNING. */
export interface MachineClient {
  /** Begins to make a VM and answers before it runs. */
  createVm(wish: Partial<CreateVmRequest>, signal?: AbortSignal): Promise<z.infer<typeof CreateVmResponse>>;
  listVms(signal?: AbortSignal): Promise<z.infer<typeof VmList>>;
  vm(id: string, signal?: AbortSignal): Promise<Vm>;
  deleteVm(id: string, signal?: AbortSignal): Promise<void>;
  pool(signal?: AbortSignal): Promise<PoolStatistics>;
}

const pathOf = (id: string): string => `/api/v1/vms/${encodeURIComponent(id)}`;

/** Creates the part of the client that manages VMs. */
export function createMachineClient(connection: ConnectionOptions): MachineClient {
  const call = async (path: string, options: RequestOptions, signal?: AbortSignal): Promise<unknown> =>
    (await send(connection, path, signal === undefined ? options : { ...options, signal })).json();
  return {
    createVm: async (wish, signal) =>
      CreateVmResponse.parse(await call('/api/v1/vms', { method: 'POST', body: wish }, signal)),
    listVms: async (signal) => VmList.parse(await call('/api/v1/vms', {}, signal)),
    vm: async (id, signal) => Vm.parse(await call(pathOf(id), {}, signal)),
    deleteVm: async (id, signal) => void (await call(pathOf(id), { method: 'DELETE' }, signal)),
    pool: async (signal) => PoolStatistics.parse(await call('/api/vm-pool/stats', {}, signal)),
  };
}
