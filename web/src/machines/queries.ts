import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { VmStatus } from '../../../src/contracts/vms.ts';
import * as api from './api.ts';

/** How often what is shown is read again. */
const refreshMs = 2000;
const whileMakingMs = 500;

export const useVms = () =>
  useQuery({
    queryKey: ['vms'],
    retry: false,
    queryFn: ({ signal }) => api.readVms(signal),
    refetchInterval: ({ state }) =>
      state.data?.some(({ status }) => status === 'creating') === true ? whileMakingMs : refreshMs,
  });

export const useVm = (id: string) =>
  useQuery({
    queryKey: ['vm', id],
    retry: false,
    queryFn: ({ signal }) => api.readVm(id, signal),
    refetchInterval: ({ state }) => (state.data?.status === 'creating' ? whileMakingMs : refreshMs),
  });

export const usePool = () =>
  useQuery({
    queryKey: ['pool'],
    retry: false,
    queryFn: ({ signal }) => api.readPool(signal),
    refetchInterval: refreshMs,
  });

export const useSnapshots = () =>
  useQuery({
    queryKey: ['snapshots'],
    retry: false,
    queryFn: ({ signal }) => api.readSnapshots(signal),
    refetchInterval: 5000,
  });

export const useProcesses = (id: string) =>
  useQuery({
    queryKey: ['processes', id],
    retry: false,
    queryFn: ({ signal }) => api.readProcesses(id, signal),
    refetchInterval: refreshMs,
  });

export const useMetrics = (id: string, status: VmStatus) =>
  useQuery({
    queryKey: ['metrics', id],
    retry: false,
    queryFn: ({ signal }) => api.readMetrics(id, signal),
    refetchInterval: refreshMs,
    enabled: status === 'running' || status === 'paused',
  });

/** The ports of a VM; a paused one is not asked, because asking would resume it. */
export const usePorts = (id: string, status: VmStatus) =>
  useQuery({
    queryKey: ['ports', id],
    retry: false,
    queryFn: ({ signal }) => api.readPorts(id, signal),
    refetchInterval: refreshMs,
    enabled: status === 'running',
  });

export const useConsole = (id: string) =>
  useQuery({
    queryKey: ['console', id],
    retry: false,
    queryFn: ({ signal }) => api.readConsole(id, signal),
    refetchInterval: 3000,
  });

/** The entries of a folder; a paused VM is not asked, because asking would resume it. */
export const useFiles = (folder: api.FileName, awake: boolean) =>
  useQuery({
    queryKey: ['files', folder.vmId, folder.path],
    retry: false,
    queryFn: ({ signal }) => api.listFiles(folder, signal),
    enabled: awake,
  });

/** Does something to VMs and reads everything again that may have changed by it. */
export function useChange<TWish, TResult>(
  change: (wish: TWish) => Promise<TResult>,
  onSuccess?: (result: TResult) => void,
) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: change,
    onSettled: async () => {
      const keys = ['vms', 'vm', 'pool', 'snapshots', 'processes'];
      await Promise.all(keys.map((key) => client.invalidateQueries({ queryKey: [key] })));
    },
    ...(onSuccess === undefined ? {} : { onSuccess }),
  });
}
