import { QueryClient, useQuery } from '@tanstack/react-query';
import { ApiError, readApprovals, readCatalog, readRun, readRuns, readSystem } from './api.ts';
import { isEnded } from './run-view.ts';

/** An error of the registry is an answer and is not asked for again; a lost connection is, every two seconds. */
export const queryClient = new QueryClient({
  defaultOptions: {
    queries: { retry: (_count, error) => !(error instanceof ApiError), retryDelay: 2000, staleTime: 1000 },
  },
});

/** What can be asked for; does not change while the server runs. */
export const useCatalog = () =>
  useQuery({ queryKey: ['catalog'], queryFn: ({ signal }) => readCatalog(signal), staleTime: 60_000 });

/** The state of model and VMs, read again every five seconds. */
export const useSystem = () =>
  useQuery({ queryKey: ['system'], queryFn: ({ signal }) => readSystem(signal), refetchInterval: 5000, retry: false });

/** The last approvals, the latest first; read again every two seconds, since code waits for them. */
export const useApprovals = () =>
  useQuery({
    queryKey: ['approvals'],
    retry: false,
    queryFn: ({ signal }) => readApprovals(signal),
    refetchInterval: 2000,
  });

/** The runs, newest first; read again every two seconds while one is at work. */
export const useRuns = () =>
  useQuery({
    queryKey: ['runs'],
    queryFn: ({ signal }) => readRuns(signal),
    refetchInterval: ({ state }) => (state.data?.some((run) => !isEnded(run.status)) === true ? 2000 : 15_000),
  });

/** One run with its result, read once it has ended. */
export const useFinishedRun = (id: string, finished: boolean) =>
  useQuery({
    queryKey: ['run', id],
    queryFn: ({ signal }) => readRun(id, signal),
    enabled: finished,
    staleTime: Number.POSITIVE_INFINITY,
  });
