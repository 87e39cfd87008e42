import type { Engine, RunContext, Workflow } from '../engine.ts';
import { RunSignals } from '../run-signals.ts';

/** How often a workflow that throws is run before the engine gives up and says so. */
const maxAttempts = 3;

/** An engine for unit tests: it forgets everything with the process. What a workflow threw in the end is kept in `failures`. */
export interface MemoryEngine extends Engine {
  readonly failures: readonly unknown[];
}

/** Creates an engine that runs workflows in this process and remembers nothing. */
export function createMemoryEngine(): MemoryEngine {
  const signals = new RunSignals();
  const running = new Map<string, Promise<void>>();
  const failures: unknown[] = [];
  let served: Workflow | undefined;
  let closing: Error | undefined;

  const attempt = (workflow: Workflow, runId: string): Promise<void> =>
    signals.hold(runId, (signal) => workflow.run(createContext(workflow, runId, signal)));

  const runToEnd = async (workflow: Workflow, runId: string): Promise<void> => {
    for (let number = 1; ; number += 1) {
      try {
        return await attempt(workflow, runId);
      } catch (error) {
        if (error === closing) return;
        if (number < maxAttempts) continue;
        failures.push(error);
        return;
      }
    }
  };

  return {
    failures,
    serve(workflow) {
      served = workflow;
      return Promise.resolve();
    },
    start(runId) {
      if (served === undefined) return Promise.reject(new Error('serve() comes before start()'));
      if (!running.has(runId)) running.set(runId, runToEnd(served, runId));
      return Promise.resolve();
    },
    cancel: (runId, reason) => signals.abort(runId, reason),
    health: () => ({ ready: served !== undefined }),
    async close(reason) {
      closing = reason;
      signals.close(reason);
      await Promise.all(running.values());
    },
  };
}

function createContext(workflow: Workflow, runId: string, signal: AbortSignal): RunContext {
  const context: RunContext = {
    runId,
    signal,
    step: (_name, action) => action(),
    async all(branches) {
      await Promise.all(branches.map((name) => workflow.branch(context, name)));
    },
  };
  return context;
}
