import { z } from 'zod';
import { Approval, type ApprovalDecision, ApprovalList, type ApprovalState } from '../contracts/approvals.ts';
import { AgentServerHealth, SystemStatus } from '../contracts/health.ts';
import { type ParallelRequest, type RunEvent, RunEvent as RunEventSchema, RunStatus } from '../contracts/runs.ts';
import { BigboxError } from '../contracts/errors.ts';
import { readEventStream } from './event-stream.ts';
import { type ConnectionOptions, send } from './http.ts';

const Started = z.object({ workflow_id: z.string() });
const LoginLink = z.object({ url: z.string() });
const CreatedKey = z.object({ key: z.string() });

/** Client of the agent server. Every method throws the server's own errors, and SERVICE_NOT_RUNNING when nothing answers. */
export interface AgentClient {
  health(signal?: AbortSignal): Promise<AgentServerHealth>;
  system(signal?: AbortSignal): Promise<SystemStatus>;
  /** Starts a parallel analysis and answers with its id at once. */
  startParallel(request: ParallelRequest, signal?: AbortSignal): Promise<string>;
  status(runId: string): Promise<RunStatus>;
  cancel(runId: string): Promise<void>;
  /**
   * The events of a run after a sequence number, live until `run-finished`. A lost connection is taken up again where it broke off,
   * until `patienceMs` have passed without an answer.
   */
  events(
    runId: string,
    options: { readonly after?: number; readonly signal: AbortSignal; readonly patienceMs?: number },
  ): AsyncIterable<RunEvent>;
  createLoginLink(): Promise<string>;
  createKey(name: string): Promise<string>;
  /** Code that waits, or waited, for a person: the latest first, in one state or in all. */
  approvals(state?: ApprovalState): Promise<readonly Approval[]>;
  decideApproval(id: string, decision: ApprovalDecision): Promise<Approval>;
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function* follow(
  connection: ConnectionOptions,
  runId: string,
  options: Parameters<AgentClient['events']>[1],
): AsyncGenerator<RunEvent, void> {
  const { signal, patienceMs = 60_000 } = options;
  let after = options.after ?? 0;
  let lastAnswer = Date.now();
  for (;;) {
    try {
      const response = await send(connection, `/workflows/${encodeURIComponent(runId)}/events?after=${after}`, {
        headers: { accept: 'text/event-stream' },
        signal,
      });
      for await (const data of readEventStream(response)) {
        lastAnswer = Date.now();
        const event = RunEventSchema.parse(JSON.parse(data)) as RunEvent;
        after = event.sequence;
        yield event;
        if (event.type === 'run-finished') return;
      }
    } catch (error) {
      signal.throwIfAborted();
      const lost = error instanceof TypeError || (error instanceof BigboxError && error.retry === 'later');
      if (!lost || Date.now() - lastAnswer > patienceMs) throw error;
    }
    await pause(500);
    signal.throwIfAborted();
  }
}

/** Creates a client of the agent server at an address. */
export function createAgentClient(connection: ConnectionOptions): AgentClient {
  const json = async (path: string, options?: Parameters<typeof send>[2]): Promise<unknown> =>
    (await send(connection, path, options)).json();
  const withSignal = (signal?: AbortSignal) => (signal === undefined ? {} : { signal });
  const run = (id: string): string => `/workflows/${encodeURIComponent(id)}`;
  return {
    health: async (signal) => AgentServerHealth.parse(await json('/health', withSignal(signal))),
    system: async (signal) => SystemStatus.parse(await json('/api/v1/system', withSignal(signal))),
    startParallel: async (request, signal) =>
      Started.parse(
        await json('/workflows/parallel', {
          method: 'POST',
          body: request,
          headers: { prefer: 'respond-async' },
          ...withSignal(signal),
        }),
      ).workflow_id,
    status: async (runId) => RunStatus.parse(await json(`${run(runId)}/status`)),
    cancel: async (runId) => void (await send(connection, `${run(runId)}/cancel`, { method: 'POST', body: {} })),
    events: (runId, options) => follow(connection, runId, options),
    createLoginLink: async () => LoginLink.parse(await json('/api/v1/login-links', { method: 'POST', body: {} })).url,
    createKey: async (name) => CreatedKey.parse(await json('/api/v1/keys', { method: 'POST', body: { name } })).key,
    approvals: async (state) =>
      ApprovalList.parse(await json(`/api/v1/approvals${state === undefined ? '' : `?state=${state}`}`)).approvals,
    decideApproval: async (id, decision) =>
      Approval.parse(await json(`/api/v1/approvals/${encodeURIComponent(id)}`, { method: 'POST', body: decision })),
  };
}
