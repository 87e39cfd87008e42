import { z } from 'zod';
import {
  type SignalName,
  type StartProcessRequest,
  StdinAnswer,
  VmProcess,
  VmProcessList,
} from '../../../src/contracts/processes.ts';
import { VmConsole, VmMetrics } from '../../../src/contracts/vm-metrics.ts';
import { PreviewLink, VmPortList } from '../../../src/contracts/vm-ports.ts';
import {
  type CreateVmRequest,
  CreateVmResponse,
  DeleteSnapshotResponse,
  DeleteVmResponse,
  FileContent,
  FileListing,
  ForkVmResponse,
  PoolStatistics,
  SnapshotList,
  Vm,
  VmList,
  VmSnapshot,
  WriteFileAnswer,
} from '../../../src/contracts/vms.ts';
import { asJson, request } from '../shared/api.ts';

const vmPath = (id: string): string => `/api/v1/vms/${encodeURIComponent(id)}`;
const once = (): Readonly<Record<string, string>> => ({ 'idempotency-key': crypto.randomUUID() });

/** All VMs, the oldest first. */
export async function readVms(signal: AbortSignal): Promise<readonly Vm[]> {
  const vms: Vm[] = [];
  let cursor: string | undefined;
  do {
    const query = cursor === undefined ? '' : `?${new URLSearchParams({ cursor }).toString()}`;
    const page = await request(VmList, `/api/v1/vms${query}`, { signal });
    vms.push(...page.vms);
    cursor = page.next_cursor;
  } while (cursor !== undefined);
  return vms;
}

export const readVm = (id: string, signal: AbortSignal) => request(Vm, vmPath(id), { signal });
export const readPool = (signal: AbortSignal) => request(PoolStatistics, '/api/vm-pool/stats', { signal });
export const readMetrics = (id: string, signal: AbortSignal) => request(VmMetrics, `${vmPath(id)}/metrics`, { signal });
export const readConsole = (id: string, signal: AbortSignal) => request(VmConsole, `${vmPath(id)}/console`, { signal });

/** Begins to make a VM and gives its id at once. */
export const createVm = async (wish: Partial<CreateVmRequest>): Promise<string> =>
  (await request(CreateVmResponse, '/api/v1/vms', asJson(wish, once()))).id;
export const deleteVm = (id: string) => request(DeleteVmResponse, vmPath(id), { method: 'DELETE' });
export const pauseVm = (id: string) => request(Vm, `${vmPath(id)}/pause`, { method: 'POST' });
export const resumeVm = (id: string) => request(Vm, `${vmPath(id)}/resume`, { method: 'POST' });
export const stopVm = (id: string) => request(Vm, `${vmPath(id)}/stop`, { method: 'POST' });
export const startVm = (id: string) => request(Vm, `${vmPath(id)}/start`, { method: 'POST' });

export const forkVm = (id: string, wish: { readonly count: number; readonly name?: string }) =>
  request(ForkVmResponse, `${vmPath(id)}/forks`, asJson(wish, once()));

/** Lets a fork take the place of the VM that it was made of, and gives that one. */
export const promoteVm = (id: string) => request(Vm, `${vmPath(id)}/promote`, { method: 'POST' });

/** Names one port of one VM. */
export interface PortName {
  readonly vmId: string;
  readonly port: number;
}

export const readPorts = async (id: string, signal: AbortSignal) =>
  (await request(VmPortList, `${vmPath(id)}/ports`, { signal })).ports;
export const makePreviewLink = ({ vmId, port }: PortName, seconds: number) =>
  request(PreviewLink, `${vmPath(vmId)}/ports/${port}/link`, asJson({ ttl_seconds: seconds }));

export const readSnapshots = async (signal: AbortSignal): Promise<readonly VmSnapshot[]> =>
  (await request(SnapshotList, '/api/v1/snapshots', { signal })).snapshots;
export const createSnapshot = (id: string, wish: { readonly name?: string }) =>
  request(VmSnapshot, `${vmPath(id)}/snapshots`, asJson(wish, once()));
export const deleteSnapshot = (id: string) =>
  request(DeleteSnapshotResponse, `/api/v1/snapshots/${encodeURIComponent(id)}`, { method: 'DELETE' });

/** Names one process of one VM. */
export interface ProcessName {
  readonly vmId: string;
  readonly processId: string;
}

const processPath = ({ vmId, processId }: ProcessName): string =>
  `${vmPath(vmId)}/processes/${encodeURIComponent(processId)}`;

export const readProcesses = (id: string, signal: AbortSignal) =>
  request(VmProcessList, `${vmPath(id)}/processes`, { signal });
export const startProcess = (id: string, wish: Partial<StartProcessRequest>) =>
  request(VmProcess, `${vmPath(id)}/processes`, asJson(wish, once()));
export const killProcess = (name: ProcessName) => request(VmProcess, processPath(name), { method: 'DELETE' });
export const signalProcess = (name: ProcessName, signal: SignalName) =>
  request(z.unknown(), `${processPath(name)}/signal`, asJson({ signal }));
export const writeStdin = (name: ProcessName, wish: { readonly data?: string; readonly end?: boolean }) =>
  request(StdinAnswer, `${processPath(name)}/stdin`, asJson(wish));

/** One file or folder of a VM. */
export interface FileName {
  readonly vmId: string;
  readonly path: string;
}

const filesPath = ({ vmId, path }: FileName, more: string, fields: Readonly<Record<string, string>> = {}): string =>
  `${vmPath(vmId)}/files${more}?${new URLSearchParams({ path, ...fields }).toString()}`;

export const listFiles = async (folder: FileName, signal: AbortSignal) =>
  (await request(FileListing, filesPath(folder, '/list'), { signal })).entries;

/** The bytes of a file. */
export async function readFile(file: FileName): Promise<Uint8Array<ArrayBuffer>> {
  const { content } = await request(FileContent, filesPath(file, '', { encoding: 'base64' }));
  return Uint8Array.from(atob(content), (character) => character.charCodeAt(0));
}

const partLength = 32_768;

/** Writes a file, which appears whole or not at all. */
export async function writeFile({ vmId, path }: FileName, data: Uint8Array): Promise<number> {
  let text = '';
  for (let start = 0; start < data.length; start += partLength)
    text += String.fromCharCode(...data.subarray(start, start + partLength));
  const body = asJson({ path, content: btoa(text), encoding: 'base64' });
  return (await request(WriteFileAnswer, `${vmPath(vmId)}/files`, { ...body, method: 'PUT' })).bytes;
}
