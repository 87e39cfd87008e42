import type { z } from 'zod';
import {
  type CreateVmRequest,
  CreateVmResponse,
  type ForkVmRequest,
  ForkVmResponse,
  metadataPrefix,
  PoolStatistics,
  Vm,
  VmList,
  type VmStatus,
} from '../contracts/vms.ts';
import { PreviewLink, type PreviewLinkRequest, type VmPort, VmPortList } from '../contracts/vm-ports.ts';
import { type ConnectionOptions, type Keyed, type RequestOptions, send, toCreation } from './http.ts';

/** Manages the VMs of a VM service. Everything throws the server's errors and SERVICE_NOT_RUNNING. */
export interface MachineClient {
  /** Begins to make a VM and answers before it runs. */
  createVm(wish: Keyed<Partial<CreateVmRequest>>, signal?: AbortSignal): Promise<z.infer<typeof CreateVmResponse>>;
  /** All VMs that the filter lets through, the oldest first. */
  listVms(filter: VmFilter, signal?: AbortSignal): Promise<readonly Vm[]>;
  vm(id: string, signal?: AbortSignal): Promise<Vm>;
  deleteVm(id: string, signal?: AbortSignal): Promise<void>;
  pauseVm(id: string, signal?: AbortSignal): Promise<Vm>;
  resumeVm(id: string, signal?: AbortSignal): Promise<Vm>;
  /** Ends its programs and keeps its disk only. */
  stopVm(id: string, signal?: AbortSignal): Promise<Vm>;
  /** Boots a stopped VM with its disk. */
  startVm(id: string, signal?: AbortSignal): Promise<Vm>;
  /** Lets a fork take the place of the VM that it was made of, and gives that one; the other forks are gone then. */
  promoteVm(id: string, signal?: AbortSignal): Promise<Vm>;
  /** Makes VMs that go on from where this one stands, and answers before they run. */
  forkVm(id: string, wish: Keyed<Partial<z.infer<typeof ForkVmRequest>>>, signal?: AbortSignal): Promise<readonly Vm[]>;
  /** The TCP ports that programs in a VM listen on, sorted. */
  listPorts(id: string, signal?: AbortSignal): Promise<readonly VmPort[]>;
  /** A link to a port of a VM that works without a key. */
  makePreviewLink(place: PortPlace, wish: PreviewWish, signal?: AbortSignal): Promise<PreviewLink>;
  pool(signal?: AbortSignal): Promise<PoolStatistics>;
}

/** A port of a VM. */
export interface PortPlace {
  readonly vmId: string;
  readonly port: number;
}

type PreviewWish = Partial<z.infer<typeof PreviewLinkRequest>>;

/** Which VMs are meant; everything given must hold. */
export interface VmFilter {
  readonly state?: VmStatus;
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

function toQuery({ state, name, metadata = {} }: VmFilter, cursor: string | undefined): string {
  const query = new URLSearchParams({
    ...(state === undefined ? {} : { state }),
    ...(name === undefined ? {} : { name }),
    ...(cursor === undefined ? {} : { cursor }),
  });
  for (const [key, value] of Object.entries(metadata)) query.set(`${metadataPrefix}${key}`, value);
  return query.toString();
}

const pathOf = (id: string): string => `/api/v1/vms/${encodeURIComponent(id)}`;

/** Creates the part of the client that manages VMs. */
export function createMachineClient(connection: ConnectionOptions): MachineClient {
  const call = async (path: string, options: RequestOptions, signal?: AbortSignal): Promise<unknown> =>
    (await send(connection, path, signal === undefined ? options : { ...options, signal })).json();
  return {
    createVm: async (wish, signal) => CreateVmResponse.parse(await call('/api/v1/vms', toCreation(wish), signal)),
    listVms: async (filter, signal) => {
      const vms: Vm[] = [];
      let cursor: string | undefined;
      do {
        const page = VmList.parse(await call(`/api/v1/vms?${toQuery(filter, cursor)}`, {}, signal));
        vms.push(...page.vms);
        cursor = page.next_cursor;
      } while (cursor !== undefined);
      return vms;
    },
    vm: async (id, signal) => Vm.parse(await call(pathOf(id), {}, signal)),
    deleteVm: async (id, signal) => void (await call(pathOf(id), { method: 'DELETE' }, signal)),
    pauseVm: async (id, signal) => Vm.parse(await call(`${pathOf(id)}/pause`, { method: 'POST' }, signal)),
    resumeVm: async (id, signal) => Vm.parse(await call(`${pathOf(id)}/resume`, { method: 'POST' }, signal)),
    stopVm: async (id, signal) => Vm.parse(await call(`${pathOf(id)}/stop`, { method: 'POST' }, signal)),
    startVm: async (id, signal) => Vm.parse(await call(`${pathOf(id)}/start`, { method: 'POST' }, signal)),
    promoteVm: async (id, signal) => Vm.parse(await call(`${pathOf(id)}/promote`, { method: 'POST' }, signal)),
    forkVm: async (id, wish, signal) =>
      ForkVmResponse.parse(await call(`${pathOf(id)}/forks`, toCreation(wish), signal)).forks,
    listPorts: async (id, signal) => VmPortList.parse(await call(`${pathOf(id)}/ports`, {}, signal)).ports,
    makePreviewLink: async ({ vmId, port }, wish, signal) =>
      PreviewLink.parse(await call(`${pathOf(vmId)}/ports/${port}/link`, toCreation(wish), signal)),
    pool: async (signal) => PoolStatistics.parse(await call('/api/vm-pool/stats', {}, signal)),
  };
}
