/** What a running workflow may ask of the engine that runs it. */
export interface RunContext {
  readonly runId: string;
  /** Aborts when the run is cancelled or this process stops. */
  readonly signal: AbortSignal;
  /**
   * Runs an action until it has ended once, and gives what it gave then, also after a crash. The receipt goes into the engine's
   * journal: keep it small and refer to records for what is large. An action that throws is run again later.
   */
  step<TReceipt extends Receipt>(name: string, action: () => Promise<TReceipt>): Promise<TReceipt>;
  /** Runs the workflow's branch with each of these names at the same time, each durable by itself, and waits for all of them. */
  all(branches: readonly string[]): Promise<void>;
}

/** A small JSON value. */
export type Receipt = Readonly<Record<string, string | number | boolean>>;

/**
 * Durable code. It may run more than once from its start: it must ask for the same steps and branches each time, and what it
 * reads between them must not change. What it throws makes the engine run it again later.
 */
export interface Workflow {
  readonly name: string;
  /** Raised when steps or branches change, so that runs in progress are not mixed up. */
  readonly version: number;
  run(context: RunContext): Promise<void>;
  branch(context: RunContext, name: string): Promise<void>;
}

/** Names a workflow; the name and version must be unique within an engine. */
export const defineWorkflow = (workflow: Workflow): Workflow => workflow;

export interface EngineHealth {
  readonly ready: boolean;
  /** Why it is not ready. */
  readonly problem?: string;
}

/** Runs workflows to their end, whatever dies in between. */
export interface Engine {
  /** Begins to run this workflow; called once. Resolves also while the engine's server is down: it is found when it comes. */
  serve(workflow: Workflow): Promise<void>;
  /** Hands a run over; starting it again does nothing. Throws ENGINE_UNAVAILABLE when it could not be handed over. */
  start(runId: string): Promise<void>;
  /** Aborts the signal of a run in this process with the reason. The workflow ends by itself. */
  cancel(runId: string, reason: Error): void;
  health(): EngineHealth;
  /** Stops running workflows here; the reason aborts their signals. What is unfinished goes on at the next `serve`. */
  close(reason: Error): Promise<void>;
}
