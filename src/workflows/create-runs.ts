import { BigboxError, toErrorBody } from '../contracts/errors.ts';
import { createRunId, type RunId } from '../contracts/ids.ts';
import type { ModelSource, Sandbox } from '../contracts/ports.ts';
import type { ParallelRequest, RunEvent, RunStatus, RunTrace } from '../contracts/runs.ts';
import type { Engine } from '../engine/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Records, RunRecords, RunRow } from '../store/index.ts';
import { acceptRequest, hashOf, toModelWish } from './accept.ts';
import type { Catalog } from './catalog.ts';
import { followAll, followRun } from './event-reader.ts';
import { guardWorkflow } from './guarded.ts';
import { Launcher } from './launcher.ts';
import type { AgentCalls } from './patterns/parallel/agent-calls.ts';
import { defineParallel } from './patterns/parallel/workflow.ts';
import type { Runs, RunsHealth, StartedRun, StartOptions } from './runs.ts';
import { hasEnded, toRunStatus, toRunTrace } from './status.ts';
import { StepRunner } from './steps/step-runner.ts';

export interface RunLimits {
  /** Runs that may be pending or running at the same time. */
  readonly concurrentRuns: number;
  /** Characters of a topic. */
  readonly topicLength: number;
  /** Model calls that may be on their way at the same time, over all runs. */
  readonly concurrentCalls: number;
}

export interface RunsOptions {
  readonly records: Records;
  readonly engine: Engine;
  readonly models: ModelSource;
  readonly sandbox: Sandbox;
  /** The agents' model calls: `agentCalls`. */
  readonly agents: AgentCalls;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limits: RunLimits;
}

/** Old clients give up after 30 seconds and send the same body again. */
const joinWindowMs = 30_000;
const idempotencyWindowMs = 24 * 60 * 60 * 1000;
/** The typical duration is the median of so many runs. */
const typicalRuns = 20;

/** Creates the runs of a process: serves their workflow and goes on with every run that an earlier process left. */
export async function createRuns(options: RunsOptions): Promise<Runs> {
  const { clock, logger, engine, models, sandbox, agents, catalog } = options;
  const records = options.records.runs;
  const steps = new StepRunner({ records, clock, logger, concurrentCalls: options.limits.concurrentCalls });
  const workflow = defineParallel({ records, steps, models, sandbox, agents, catalog, clock, logger });
  const left = await records.listActive();
  for (const run of left.filter(({ state }) => state === 'running'))
    await records.write({ id: run.id, at: clock.now() }, (writer) =>
      writer.append({ type: 'run-resumed', reason: 'The agent server was restarted.' }),
    );
  await engine.serve(guardWorkflow(workflow, { records, clock, logger }));
  const runs = new WorkflowRuns(options);
  runs.adopt(left);
  return runs;
}

class WorkflowRuns implements Runs {
  readonly #options: RunsOptions;
  readonly #records: RunRecords;
  readonly #launcher: Launcher;
  readonly #closing = new AbortController();
  #starting: Promise<unknown> = Promise.resolve();
  #active = 0;

  constructor(options: RunsOptions) {
    this.#options = options;
    this.#records = options.records.runs;
    this.#launcher = new Launcher(options);
  }

  /** Hands over runs that an earlier process left; the engine takes each once. */
  adopt(left: readonly RunRow[]): void {
    for (const run of left) this.#launch(run.id);
  }

  start(request: ParallelRequest, options: StartOptions): Promise<StartedRun> {
    const started = this.#starting.then(() => this.#accept(request, options));
    this.#starting = started.catch(() => undefined);
    return started;
  }

  async get(id: RunId): Promise<RunStatus> {
    return this.#toStatus(await this.#find(id));
  }

  async list(page: { readonly limit: number; readonly before?: RunId }): Promise<readonly RunStatus[]> {
    const before = page.before === undefined ? undefined : await this.#find(page.before);
    const rows = await this.#records.list({ limit: page.limit, before });
    return Promise.all(rows.map((row) => this.#toStatus(row)));
  }

  async *events(
    id: RunId,
    options: { readonly after: number; readonly signal: AbortSignal },
  ): AsyncGenerator<RunEvent, void> {
    await this.#find(id);
    yield* followRun(this.#records, { id, after: options.after }, this.#untilClosed(options.signal));
  }

  allEvents(options: { readonly signal: AbortSignal }): AsyncIterable<RunEvent> {
    return followAll(this.#records, this.#untilClosed(options.signal));
  }

  async trace(id: RunId): Promise<RunTrace> {
    const run = await this.#find(id);
    return toRunTrace(run, await this.#records.steps(id), this.#options.clock.now());
  }

  async cancel(id: RunId): Promise<RunStatus> {
    const run = await this.#find(id);
    const reason = new BigboxError('RUN_CANCELLED', { message: `The run ${id} was cancelled.`, context: { run: id } });
    if (!hasEnded(run.state)) {
      const agents = await this.#openAgents(run);
      await this.#records.write({ id, at: this.#options.clock.now() }, async (writer) => {
        for (const agent of agents) await writer.append({ type: 'agent-changed', agent, state: 'cancelled' });
        await writer.finish({ state: 'cancelled', error: toErrorBody(reason) });
      });
      this.#options.engine.cancel(id, reason);
    }
    return this.get(id);
  }

  async waitForEnd(id: RunId, signal: AbortSignal): Promise<RunStatus> {
    using watch = this.#records.watchEnd(id);
    const either = this.#untilClosed(signal);
    for (;;) {
      const run = await this.#find(id);
      if (hasEnded(run.state)) return this.#toStatus(run);
      await watch.changed(either);
    }
  }

  async typicalDurationMs(): Promise<number | undefined> {
    const durations = await this.#records.recentDurations(typicalRuns);
    return durations.toSorted((left, right) => left - right)[Math.floor(durations.length / 2)];
  }

  health(): RunsHealth {
    const { ready, problem } = this.#options.engine.health();
    return { ready, problems: problem === undefined ? [] : [problem], activeRuns: this.#active };
  }

  async close(): Promise<void> {
    const reason = new BigboxError('SHUTTING_DOWN', { message: 'The agent server is stopping.' });
    this.#closing.abort(reason);
    await this.#launcher.close();
    await this.#options.engine.close(reason);
    await this.#records.flush();
  }

  async #accept(request: ParallelRequest, options: StartOptions): Promise<StartedRun> {
    this.#closing.signal.throwIfAborted();
    const { limits, clock, models } = this.#options;
    const accepted = acceptRequest(request, this.#options.catalog);
    const bodyHash = hashOf(request);
    const joined = await this.#findJoinable(bodyHash, options);
    if (joined !== undefined) return { id: joined, joined: true };
    if (request.prompt.length > limits.topicLength)
      throw limitExceeded('topic length', limits.topicLength, request.prompt.length);
    const active = await this.#records.listActive();
    if (active.length >= limits.concurrentRuns)
      throw limitExceeded('concurrent runs', limits.concurrentRuns, active.length);
    const wish = toModelWish(request);
    if (wish.baseUrl !== undefined)
      await models.resolve(wish, { mayNameAddress: options.mayNameAddress, signal: this.#closing.signal });
    const id = createRunId();
    const acceptedAt = clock.now();
    await this.#records.write({ id, at: acceptedAt }, (writer) =>
      writer.insert({
        id,
        request: accepted,
        bodyHash,
        client: options.principal.id,
        idempotencyKey: options.idempotencyKey,
        mayNameAddress: options.mayNameAddress,
        stepsTotal: accepted.perspectives.length + 1,
        acceptedAt,
      }),
    );
    this.#launch(id);
    return { id, joined: false };
  }

  /** Finds the run that this request means: by its key, else the same body a moment ago. Throws CONFLICT when a key came with another body. */
  async #findJoinable(bodyHash: string, { principal, idempotencyKey }: StartOptions): Promise<RunId | undefined> {
    const now = this.#options.clock.now();
    if (idempotencyKey !== undefined) {
      const acceptedAfter = now - idempotencyWindowMs;
      const known = await this.#records.findByKey({ client: principal.id, idempotencyKey, acceptedAfter });
      if (known === undefined || known.bodyHash === bodyHash) return known?.id;
      throw new BigboxError('CONFLICT', {
        message: 'The idempotency key was used for another request.',
        context: { run: known.id },
        remedy: 'Use a new key for a new request.',
      });
    }
    const active = await this.#records.listActive();
    return active.findLast(
      (run) => run.client === principal.id && run.bodyHash === bodyHash && run.acceptedAt > now - joinWindowMs,
    )?.id;
  }

  /** Counts the run as active until it has ended, and hands it over. */
  #launch(id: RunId): void {
    this.#active += 1;
    this.#launcher.launch(id);
    this.waitForEnd(id, this.#closing.signal).then(
      () => (this.#active -= 1),
      () => (this.#active -= 1),
    );
  }

  async #find(id: RunId): Promise<RunRow> {
    const run = await this.#records.find(id);
    if (run !== undefined) return run;
    throw new BigboxError('RUN_NOT_FOUND', { message: `There is no run ${id}.`, context: { run: id } });
  }

  async #toStatus(run: RunRow): Promise<RunStatus> {
    return toRunStatus(run, await this.#records.summariseSteps(run.id), await this.#records.lastSequence(run.id));
  }

  /** The agents of a run whose lanes have not come to an end. */
  async #openAgents(run: RunRow): Promise<readonly string[]> {
    const steps = await this.#records.steps(run.id);
    const busy = steps.filter((step) => step.state === 'running').map((step) => step.agent);
    const untouched = run.request.perspectives.filter((agent) => steps.every((step) => step.agent !== agent));
    return [...new Set([...busy, ...untouched])];
  }

  #untilClosed(signal: AbortSignal): AbortSignal {
    return AbortSignal.any([signal, this.#closing.signal]);
  }
}

const limitExceeded = (limit: string, expected: number, found: number): BigboxError =>
  new BigboxError('LIMIT_EXCEEDED', {
    message: `The limit of ${expected} for ${limit} is reached (${found}).`,
    context: { limit, expected, found },
  });
