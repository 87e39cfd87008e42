import { type Http2Server, type Http2Session, createServer } from 'node:http2';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import * as restate from '@restatedev/restate-sdk';
import type { Logger } from '../../lib/log.ts';
import type { RunContext, Workflow } from '../engine.ts';
import type { RunSignals } from '../run-signals.ts';

/** Steps wait for models on slow machines: Restate must not take a silent worker for a dead one. A dead one is noticed by its connection. */
const patience = {
  inactivityTimeout: { hours: 6 },
  abortTimeout: { hours: 1 },
  journalRetention: { hours: 1 },
  retryPolicy: { initialInterval: 100, exponentiationFactor: 2, maxInterval: 1000 },
} as const;

interface BranchInput {
  readonly runId: string;
  readonly branch: string;
}

interface BranchHandlers {
  readonly branch: (context: restate.Context, input: BranchInput) => Promise<void>;
}
type Branches = restate.ServiceDefinition<string, BranchHandlers>;

/** The name under which Restate knows a workflow. */
export const serviceName = (workflow: Workflow): string => `${workflow.name}_v${workflow.version}`;

/** Where Restate calls this process: HTTP/2 on a loopback port that answers only requests signed with Restate's key. */
export interface Worker {
  readonly uri: string;
  close(): Promise<void>;
}

export interface WorkerOptions {
  readonly workflow: Workflow;
  readonly signals: RunSignals;
  /** The public key of `ensureIdentityKey`. */
  readonly identityKey: string;
  readonly logger: Logger;
}

/** Starts the worker of a workflow. */
export async function startWorker(options: WorkerOptions): Promise<Worker> {
  const endpoint = restate.createEndpointHandler({
    services: defineServices(options.workflow, options.signals),
    identityKeys: [options.identityKey],
    logger: (meta, message, ...rest) => {
      const level = meta.level === 'error' || meta.level === 'warn' ? 'warn' : 'debug';
      options.logger[level]({ invocation: meta.context?.invocationId, detail: rest.map(String) }, String(message));
    },
  });
  const server = createServer(endpoint);
  const sessions = trackSessions(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    uri: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}

function trackSessions(server: Http2Server): Set<Http2Session> {
  const sessions = new Set<Http2Session>();
  server.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  return sessions;
}

function defineServices(
  workflow: Workflow,
  signals: RunSignals,
): [Branches, restate.WorkflowDefinition<string, unknown>] {
  const branches: Branches = restate.service({
    name: `${serviceName(workflow)}_branches`,
    options: { ...patience, ingressPrivate: true },
    handlers: {
      branch: (context: restate.Context, input: BranchInput): Promise<void> =>
        signals.hold(input.runId, (signal) =>
          workflow.branch(createContext(context, branches, { runId: input.runId, signal }), input.branch),
        ),
    },
  });
  const main = restate.workflow({
    name: serviceName(workflow),
    options: { ...patience, workflowRetention: { hours: 1 } },
    handlers: {
      run: (context: restate.WorkflowContext): Promise<void> =>
        signals.hold(context.key, (signal) =>
          workflow.run(createContext(context, branches, { runId: context.key, signal })),
        ),
    },
  });
  return [branches, main];
}

function createContext(
  context: restate.Context,
  branches: Branches,
  run: { readonly runId: string; readonly signal: AbortSignal },
): RunContext {
  return {
    ...run,
    step: async (name, action) => context.run(name, action),
    async all(names) {
      const calls = names.map((branch) =>
        context.serviceClient<BranchHandlers>(branches).branch({ runId: run.runId, branch }),
      );
      await restate.RestatePromise.all(calls);
    },
  };
}
