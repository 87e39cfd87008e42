import type { Synthesis } from '../../../contracts/analysis.ts';
import { BigboxError, toBigboxError, toErrorBody, type ErrorCode } from '../../../contracts/errors.ts';
import type { RunId } from '../../../contracts/ids.ts';
import { defineWorkflow, type RunContext, type Workflow } from '../../../engine/index.ts';
import type { RunModel, RunRow } from '../../../store/index.ts';
import type { StepSpec } from '../../steps/step-runner.ts';
import { nextDelayMs } from '../../steps/retry.ts';
import { readOutcome, type PerspectiveOutcome } from './answers.ts';
import { callModel, resolveModel, toBrief, type ParallelParts } from './parts.ts';
import { paths, synthesisAgent } from './paths.ts';
import { workOut } from './perspective.ts';
import { toParallelResult } from './result.ts';

/**
 * Several perspectives on one topic at the same time, then a synthesis of those that succeeded. What decides the order of steps
 * is read from receipts and ended steps only, so that it is the same each time the engine runs it.
 */
export const defineParallel = (parts: ParallelParts): Workflow =>
  defineWorkflow({
    name: 'parallel',
    version: 1,
    async run(context) {
      const begun = await context.step('begin', () => begin(parts, context));
      if (begun.state === 'ended') return;
      const run = await findRun(parts, context);
      await context.all(run.request.perspectives);
      await synthesise(parts, context, run);
      await context.step('finish', () => finish(parts, context));
    },
    branch: (context, perspective) => workOut(parts, context, perspective),
  });

async function findRun(parts: ParallelParts, context: RunContext): Promise<RunRow> {
  const run = await parts.records.find(context.runId as RunId);
  if (run === undefined) throw new Error(`there is no run ${context.runId}`);
  return run;
}

/** Finds the model and records the start; a run without a model fails here. */
async function begin(parts: ParallelParts, context: RunContext): Promise<{ readonly state: string }> {
  const run = await parts.records.find(context.runId as RunId);
  if (run === undefined || run.finishedAt !== undefined) return { state: 'ended' };
  if (run.state === 'running') return { state: 'running' };
  try {
    const model = await findModel(parts, run, context.signal);
    const { prompt: topic, perspectives, domains } = run.request;
    const { provider, name, substituted_because } = model;
    const shown = { provider, name, ...(substituted_because === undefined ? {} : { substituted_because }) };
    await parts.records.write({ id: run.id, at: parts.clock.now() }, async (writer) => {
      await writer.begin(model);
      await writer.append({ type: 'run-started', topic, perspectives, domains, model: shown });
    });
    return { state: 'running' };
  } catch (error) {
    if (context.signal.aborted) return endedOrThrow(parts, context);
    const failure = toErrorBody(toBigboxError(error));
    await parts.records.write({ id: run.id, at: parts.clock.now() }, (writer) =>
      writer.finish({ state: 'failed', error: failure }),
    );
    return { state: 'ended' };
  }
}

async function endedOrThrow(parts: ParallelParts, context: RunContext): Promise<{ readonly state: string }> {
  const run = await parts.records.find(context.runId as RunId);
  if (run?.finishedAt !== undefined) return { state: 'ended' };
  throw context.signal.reason as Error;
}

async function findModel(parts: ParallelParts, run: RunRow, signal: AbortSignal): Promise<RunModel> {
  for (const failures: ErrorCode[] = []; ;) {
    try {
      const { model, requested, substitutedBecause } = await resolveModel(parts, run, signal);
      return {
        provider: model.provider,
        name: model.name,
        ...(requested === undefined ? {} : { requested }),
        ...(substitutedBecause === undefined ? {} : { substituted_because: substitutedBecause }),
      };
    } catch (error) {
      signal.throwIfAborted();
      const { code, message } = toBigboxError(error);
      failures.push(code);
      const delayMs = nextDelayMs(failures);
      if (delayMs === undefined) throw error;
      await parts.records.write({ id: run.id, at: parts.clock.now() }, (writer) =>
        writer.append({ type: 'warning', message: `Waiting for the model: ${message}` }),
      );
      await parts.clock.sleep(delayMs, signal);
    }
  }
}

async function readOutcomes(parts: ParallelParts, run: RunRow): Promise<readonly PerspectiveOutcome[]> {
  const steps = await parts.records.steps(run.id);
  return run.request.perspectives.map((perspective) => readOutcome(steps, perspective));
}

/** Sums the answers up; without any answer there is nothing to sum up, and the step says so. */
async function synthesise(parts: ParallelParts, context: RunContext, run: RunRow): Promise<void> {
  const outcomes = await readOutcomes(parts, run);
  const answers = outcomes.flatMap((outcome) => (outcome.state === 'completed' ? [outcome.answer] : []));
  const brief = { ...toBrief(parts, run), answers };
  const step: StepSpec<Synthesis> = {
    runId: run.id,
    path: paths.synthesis,
    agent: synthesisAgent,
    kind: 'model',
    state: 'thinking',
    input: brief,
    work(scope) {
      if (answers.length === 0)
        throw new BigboxError('RUN_FAILED', {
          message: 'No perspective came to an answer, so there is nothing to sum up.',
        });
      return callModel(parts, { run, scope }, (options) => parts.agents.synthesise(brief, options));
    },
    onCompleted: (writer, synthesis) =>
      writer.append(
        { type: 'synthesis-available', synthesis },
        { type: 'agent-changed', agent: synthesisAgent, state: 'done' },
      ),
    onFailed: (writer, error) =>
      writer.append({ type: 'agent-changed', agent: synthesisAgent, state: 'failed', error }),
  };
  await parts.steps.run(context, step);
}

/** Writes the result. The run has failed only when no perspective came to an answer. */
async function finish(parts: ParallelParts, context: RunContext): Promise<{ readonly state: string }> {
  const run = await findRun(parts, context);
  if (run.finishedAt !== undefined) return { state: 'ended' };
  const steps = await parts.records.steps(run.id);
  const at = parts.clock.now();
  const result = toParallelResult({ run, steps, catalog: parts.catalog, at });
  const failed = result.execution_summary.failed_count === result.parallel_tasks.length;
  const [first] = result.parallel_tasks;
  const error = toErrorBody(
    new BigboxError('RUN_FAILED', {
      message: `None of ${result.parallel_tasks.length} perspectives came to an answer; the first failed with: ${first?.error?.message ?? 'no cause'}`,
      context: { cause: first?.error?.code ?? null },
      ...(first?.error === undefined ? {} : { remedy: first.error.remedy }),
    }),
  );
  await parts.records.write({ id: run.id, at }, (writer) =>
    writer.finish(failed ? { state: 'failed', result, error } : { state: 'completed', result }),
  );
  return { state: 'ended' };
}
