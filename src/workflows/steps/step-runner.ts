import type { TokenUsage } from '../../contracts/analysis.ts';
import {
  type BigboxError,
  type ErrorBody,
  type ErrorCode,
  toBigboxError,
  toErrorBody,
} from '../../contracts/errors.ts';
import type { RunId } from '../../contracts/ids.ts';
import type { AgentState, RunEventBody } from '../../contracts/runs.ts';
import type { RunContext } from '../../engine/index.ts';
import { Semaphore } from '../../lib/async.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { RunRecords, RunWriter, StepOutcome } from '../../store/index.ts';
import { hashOf } from '../accept.ts';
import { nextDelayMs } from './retry.ts';
import { TextCoalescer } from './text-coalescer.ts';

/** What a step's work may do while it runs. */
export interface StepScope {
  readonly signal: AbortSignal;
  /** Records events of the run at once. */
  emit(...bodies: readonly RunEventBody[]): Promise<void>;
  /** Records streamed text, gathered into pieces. */
  text(delta: string): Promise<void>;
}

export interface StepSpec<TResult> {
  readonly runId: RunId;
  readonly path: string;
  readonly agent: string;
  readonly kind: 'model' | 'code';
  /** What the agent is doing meanwhile. */
  readonly state: AgentState;
  /** Everything that decides the result; a recorded result of another input does not count. */
  readonly input: unknown;
  work(scope: StepScope): Promise<{ readonly result: TResult; readonly usage?: TokenUsage }>;
  /** Written in the same commit as the end of the step. */
  onCompleted?(writer: RunWriter, result: TResult): Promise<void>;
  onFailed?(writer: RunWriter, error: ErrorBody): Promise<void>;
}

/** How a step ended; `ended` when the run was over before the step. */
export type StepResult<TResult> =
  | { readonly state: 'completed'; readonly result: TResult }
  | { readonly state: 'failed'; readonly error: ErrorBody }
  | { readonly state: 'ended' };

export interface StepRunnerOptions {
  readonly records: RunRecords;
  readonly clock: Clock;
  readonly logger: Logger;
  /** How many model calls may be on their way at the same time. */
  readonly concurrentCalls: number;
}

/** A failure after which the call that was in flight is made again: the process that served it is gone. */
const brokenOff: readonly ErrorCode[] = ['MODEL_FAILED', 'VM_LOST'];

/**
 * Runs steps so that one whose end could be read never runs again: the result and its event are one commit, and a call in
 * flight is joined, not made twice. A call that was in flight when the process died is made again and counted as repeated.
 */
export class StepRunner {
  readonly #options: StepRunnerOptions;
  readonly #calls: Semaphore;
  readonly #inFlight = new Map<string, Promise<void>>();

  constructor(options: StepRunnerOptions) {
    this.#options = options;
    this.#calls = new Semaphore(options.concurrentCalls);
  }

  /** Gives the recorded end of the step, after running it where there is none. Throws only what makes the engine try again. */
  async run<TResult>(context: RunContext, spec: StepSpec<TResult>): Promise<StepResult<TResult>> {
    const { state } = await context.step(spec.path, async () => {
      await this.#join(context, spec);
      return { state: await this.#readState(context, spec) };
    });
    if (state === 'ended') return { state };
    const row = await this.#options.records.step(spec.runId, spec.path);
    if (row?.state === 'completed') return { state: 'completed', result: row.result as TResult };
    if (row?.error !== undefined) return { state: 'failed', error: row.error };
    throw new Error(`the record of step ${spec.path} is gone`);
  }

  /** Reads how the step stands after the call. Throws the signal's reason when this process stops before the step has ended. */
  async #readState<TResult>(context: RunContext, spec: StepSpec<TResult>): Promise<'completed' | 'failed' | 'ended'> {
    const row = await this.#options.records.step(spec.runId, spec.path);
    if (row !== undefined && row.state !== 'running') return row.state;
    const run = await this.#options.records.find(spec.runId);
    if (run === undefined || run.finishedAt !== undefined) return 'ended';
    context.signal.throwIfAborted();
    throw new Error(`step ${spec.path} has not ended`);
  }

  async #join<TResult>(context: RunContext, spec: StepSpec<TResult>): Promise<void> {
    const key = `${spec.runId} ${spec.path}`;
    const known = this.#inFlight.get(key);
    if (known !== undefined) return known;
    const call = this.#settle(context, spec).finally(() => this.#inFlight.delete(key));
    this.#inFlight.set(key, call);
    return call;
  }

  async #settle<TResult>(context: RunContext, spec: StepSpec<TResult>): Promise<void> {
    const inputHash = hashOf(spec.input);
    const before = await this.#options.records.step(spec.runId, spec.path);
    if (before?.inputHash === inputHash && before.state !== 'running') return;
    const run = await this.#options.records.find(spec.runId);
    if (run === undefined || run.finishedAt !== undefined) return;
    const first = { attempt: (before?.attempts ?? 0) + 1, repeated: before?.state === 'running' };
    await this.#tryUntilSettled(context, { spec, inputHash, ...first });
  }

  async #tryUntilSettled<TResult>(context: RunContext, first: Attempt<TResult>): Promise<void> {
    const { spec } = first;
    const failures: ErrorCode[] = [];
    for (let attempt = first; ;) {
      const error = await this.#attempt(context, attempt);
      if (error === undefined || context.signal.aborted) return;
      failures.push(error.code);
      const delayMs = nextDelayMs(failures);
      if (delayMs === undefined) return this.#fail(spec, error);
      await this.#warn(spec, error);
      if (!(await this.#slept(delayMs, context.signal))) return;
      attempt = { ...attempt, attempt: attempt.attempt + 1, repeated: brokenOff.includes(error.code) };
    }
  }

  /** False when the signal aborted meanwhile. */
  async #slept(delayMs: number, signal: AbortSignal): Promise<boolean> {
    await this.#options.clock.sleep(delayMs, signal).catch(() => undefined);
    return !signal.aborted;
  }

  /** Makes one attempt and records its success; gives the error of a failure, which is not recorded yet. */
  async #attempt<TResult>(context: RunContext, attempt: Attempt<TResult>): Promise<BigboxError | undefined> {
    const { spec } = attempt;
    const { clock } = this.#options;
    const text = new TextCoalescer(clock, (piece) =>
      this.#note(spec, (writer) => writer.append({ type: 'text-delta', step: spec.path, agent: spec.agent, ...piece })),
    );
    const release = await this.#begin(context, attempt);
    const startedAt = clock.monotonic();
    try {
      const done = await spec.work({
        signal: context.signal,
        emit: (...bodies) => this.#note(spec, (writer) => writer.append(...bodies)),
        text: (delta) => text.add(delta),
      });
      context.signal.throwIfAborted();
      await this.#complete(spec, { ...done, text, durationMs: clock.monotonic() - startedAt });
      return undefined;
    } catch (error) {
      if (context.signal.aborted) return undefined;
      const failure = toBigboxError(error);
      if (failure.code === 'INTERNAL') this.#options.logger.error({ err: error, step: spec.path }, 'step failed');
      return failure;
    } finally {
      text.take();
      release();
    }
  }

  /** Waits for a place among the model's callers, and records the attempt. */
  async #begin<TResult>(context: RunContext, { spec, ...attempt }: Attempt<TResult>): Promise<() => void> {
    const mustWait = spec.kind === 'model' && this.#calls.free === 0;
    const place = spec.kind === 'model' ? this.#calls.acquire(context.signal) : Promise.resolve(holdNothing);
    const placed = place.catch(() => holdNothing);
    const { path: step, agent } = spec;
    const started: RunEventBody = { type: 'step-started', step, agent, attempt: attempt.attempt };
    const again: RunEventBody = { type: 'step-repeated', step, agent, attempt: attempt.attempt };
    try {
      await this.#note(spec, async (writer) => {
        await writer.startStep({ ...spec, inputHash: attempt.inputHash, repeated: attempt.repeated });
        await writer.append(started, ...(attempt.repeated ? [again] : []));
        await writer.append({ type: 'agent-changed', agent, state: mustWait ? 'waiting' : spec.state });
      });
    } catch (error) {
      (await placed)();
      throw error;
    }
    const release = await placed;
    if (mustWait && !context.signal.aborted)
      await this.#note(spec, (writer) => writer.append({ type: 'agent-changed', agent, state: spec.state }));
    return release;
  }

  async #complete<TResult>(spec: StepSpec<TResult>, done: Done<TResult>): Promise<void> {
    const { usage, durationMs, result } = done;
    const { path: step, agent } = spec;
    const rest = done.text.take();
    const outcome: StepOutcome = { state: 'completed', result, ...(usage === undefined ? {} : { usage }) };
    await this.#write(spec, async (writer) => {
      if (rest !== undefined) await writer.append({ type: 'text-delta', step, agent, ...rest });
      await writer.settleStep({ path: step, durationMs }, outcome);
      await writer.append({
        type: 'step-finished',
        step,
        agent,
        duration_ms: durationMs,
        ...(usage === undefined ? {} : { usage }),
      });
      await spec.onCompleted?.(writer, result);
    });
  }

  async #fail<TResult>(spec: StepSpec<TResult>, failure: BigboxError): Promise<void> {
    const error = toErrorBody(failure);
    await this.#write(spec, async (writer) => {
      await writer.settleStep({ path: spec.path, durationMs: 0 }, { state: 'failed', error });
      await writer.append({ type: 'step-failed', step: spec.path, agent: spec.agent, error });
      await spec.onFailed?.(writer, error);
    });
  }

  #warn<TResult>(spec: StepSpec<TResult>, error: BigboxError): Promise<void> {
    const message = `${spec.path} is tried again: ${error.code}, ${error.message}`;
    return this.#note(spec, (writer) => writer.append({ type: 'warning', message }));
  }

  /** Records what the step would bring forth again if a power cut took it. */
  #note(spec: { readonly runId: RunId }, work: (writer: RunWriter) => Promise<void>): Promise<void> {
    return this.#options.records.write({ id: spec.runId, at: this.#options.clock.now(), urgency: 'soon' }, work);
  }

  #write(spec: { readonly runId: RunId }, work: (writer: RunWriter) => Promise<void>): Promise<void> {
    return this.#options.records.write({ id: spec.runId, at: this.#options.clock.now() }, work);
  }
}

const holdNothing = (): void => undefined;

interface Attempt<TResult> {
  readonly spec: StepSpec<TResult>;
  readonly inputHash: string;
  readonly attempt: number;
  readonly repeated: boolean;
}

interface Done<TResult> {
  readonly result: TResult;
  readonly usage?: TokenUsage;
  readonly durationMs: number;
  readonly text: TextCoalescer;
}
