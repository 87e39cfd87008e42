import type { RunState, RunStatus, RunTrace } from '../contracts/runs.ts';
import type { RunRow, StepRow, StepSummary } from '../store/index.ts';

const toTime = (at: number): string => new Date(at).toISOString();

export const hasEnded = (state: RunState): boolean => state !== 'pending' && state !== 'running';

/** A run as clients see it. Progress counts ended steps, never time; a completed run is at 100. */
export function toRunStatus(run: RunRow, steps: StepSummary, lastSequence: number): RunStatus {
  const { request, model, error } = run;
  const total = Math.max(run.stepsTotal, steps.finished);
  return {
    id: run.id,
    pattern: 'parallelization',
    status: run.state,
    progress: toProgress(run, { finished: steps.finished, total }),
    ...(steps.running === undefined || hasEnded(run.state) ? {} : { current_step: steps.running }),
    topic: request.prompt,
    perspectives: request.perspectives,
    domains: request.domains,
    role: request.role,
    overall_role: request.overall_role,
    ...(model === undefined ? {} : { model: { provider: model.provider, name: model.name } }),
    steps: { finished: steps.finished, total },
    tokens: steps.usage,
    last_sequence: lastSequence,
    started_at: toTime(run.acceptedAt),
    ...(run.finishedAt === undefined ? {} : { completed_at: toTime(run.finishedAt) }),
    ...(run.result === undefined ? {} : { result: run.result }),
    ...(error === undefined ? {} : { error: error.message, error_detail: error }),
  };
}

function toProgress(run: RunRow, steps: { readonly finished: number; readonly total: number }): number {
  if (run.state === 'completed') return 100;
  return steps.total === 0 ? 0 : Math.round((steps.finished / steps.total) * 100);
}

/** What the steps of a run did. `now` ends the clock of a run that goes on. */
export function toRunTrace(run: RunRow, steps: readonly StepRow[], now: number): RunTrace {
  const finished = steps.filter((step) => step.state !== 'running').length;
  const total = Math.max(run.stepsTotal, finished);
  return {
    workflow_id: run.id,
    status: run.state,
    steps: steps.map(toTraceStep),
    timeline: {
      started_at: toTime(run.acceptedAt),
      ...(run.finishedAt === undefined ? {} : { completed_at: toTime(run.finishedAt) }),
    },
    performance: {
      execution_time_ms: (run.finishedAt ?? now) - run.acceptedAt,
      progress: toProgress(run, { finished, total }),
    },
  };
}

const toTraceStep = (step: StepRow): RunTrace['steps'][number] => ({
  step_id: step.path,
  agent: step.agent,
  status: step.state,
  attempts: step.attempts,
  started_at: toTime(step.startedAt),
  ...(step.finishedAt === undefined ? {} : { completed_at: toTime(step.finishedAt) }),
  ...(step.durationMs === undefined ? {} : { duration_ms: step.durationMs }),
  ...(step.usage === undefined ? {} : { tokens_used: step.usage }),
  ...(step.error === undefined ? {} : { error: step.error }),
});
