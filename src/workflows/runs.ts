import type { ParallelRequest, RunEvent, RunStatus, RunTrace } from '../contracts/runs.ts';
import type { RunId } from '../contracts/ids.ts';
import type { Principal } from '../contracts/principal.ts';

export interface StartOptions {
  readonly principal: Principal;
  /** The client's `Idempotency-Key`: the same key and client name the same run for a day, also after it has ended. */
  readonly idempotencyKey?: string;
  /** The caller may name a model address that is not configured (the owner only). */
  readonly mayNameAddress: boolean;
}

export interface StartedRun {
  readonly id: RunId;
  /** True when the request was answered by a run that was already in progress. */
  readonly joined: boolean;
}

export interface RunsHealth {
  readonly ready: boolean;
  /** One sentence for each thing that keeps runs from going on. */
  readonly problems: readonly string[];
  readonly activeRuns: number;
}

/** Everything that can be done with workflow runs. Every answer is read from the records, so it is the same after a restart. */
export interface Runs {
  /**
   * Accepts a run and answers with its id at once; the run goes on by itself. The same body from the same client within
   * 30 seconds joins the run in progress, because old clients send a request again when it takes long.
   * Throws PERSPECTIVE_UNKNOWN, DOMAIN_UNKNOWN, LIMIT_EXCEEDED, MODEL_NOT_ALLOWED, CONFLICT (an idempotency key with another
   * body), SHUTTING_DOWN.
   */
  start(request: ParallelRequest, options: StartOptions): Promise<StartedRun>;
  /** The state of one run with its result. Throws RUN_NOT_FOUND when there is none. */
  get(id: RunId): Promise<RunStatus>;
  /** Runs, newest first and without their results. `before` is the id of the last run of the page before. Throws RUN_NOT_FOUND when there is no such run. */
  list(page: { readonly limit: number; readonly before?: RunId }): Promise<readonly RunStatus[]>;
  /**
   * The events of one run with a sequence number above `after` (0 for all): first what is recorded, then live, without gap
   * or repeat, until `run-finished`. Ends quietly when the signal aborts. Throws RUN_NOT_FOUND when there is none.
   */
  events(id: RunId, options: { readonly after: number; readonly signal: AbortSignal }): AsyncIterable<RunEvent>;
  /** The events of all runs from now on, until the signal aborts. */
  allEvents(options: { readonly signal: AbortSignal }): AsyncIterable<RunEvent>;
  /** What the steps of a run did and how long they took. Throws RUN_NOT_FOUND when there is none. */
  trace(id: RunId): Promise<RunTrace>;
  /** Stops a run: no event follows its `run-finished`. A run that has ended stays as it is. Throws RUN_NOT_FOUND when there is none. */
  cancel(id: RunId): Promise<RunStatus>;
  /** Resolves with the final state. Throws RUN_NOT_FOUND when there is none, and the signal's reason when aborted. */
  waitForEnd(id: RunId, signal: AbortSignal): Promise<RunStatus>;
  /** Median duration of the last completed runs on this machine; undefined before the first. */
  typicalDurationMs(): Promise<number | undefined>;
  health(): RunsHealth;
  /** Stops taking runs, ends all event streams and leaves unfinished runs to the next start. */
  close(): Promise<void>;
}
