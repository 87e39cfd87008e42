import type { ParallelResult, ParallelTask, Synthesis, TokenUsage } from '../../../contracts/analysis.ts';
import type { RunRow, StepRow } from '../../../store/index.ts';
import type { Catalog } from '../../catalog.ts';
import { readOutcome } from './answers.ts';
import { answerToMarkdown, synthesisToMarkdown } from '../../../agents/index.ts';
import { paths, stepsOf } from './paths.ts';

export interface ResultSource {
  readonly run: RunRow;
  readonly steps: readonly StepRow[];
  readonly catalog: Catalog;
  /** The end of the run. */
  readonly at: number;
}

/** Puts the result of a run together from its recorded steps. Every number was measured. */
export function toParallelResult(source: ResultSource): ParallelResult {
  const { run, steps } = source;
  const tasks = run.request.perspectives.map((perspective) => toTask(source, perspective));
  const synthesis = steps.find((step) => step.path === paths.synthesis);
  const written = synthesis?.state === 'completed' ? (synthesis.result as Synthesis) : undefined;
  return {
    pattern: 'parallelization',
    topic: run.request.prompt,
    domains: run.request.domains,
    parallel_tasks: tasks,
    ...(written === undefined ? {} : { synthesis: written }),
    ...(synthesis?.error === undefined ? {} : { synthesis_error: synthesis.error }),
    aggregated_result: written === undefined ? summariesToMarkdown(tasks) : synthesisToMarkdown(written),
    model: run.model ?? { provider: 'unknown', name: 'unknown' },
    warnings: toWarnings(run, steps),
    execution_summary: summarise(source, tasks),
  };
}

function toTask({ run, steps, catalog }: ResultSource, perspective: string): ParallelTask {
  const own = stepsOf(steps, perspective);
  const outcome = readOutcome(own, perspective);
  const base = {
    task_id: `${run.id}/${perspective}`,
    perspective,
    description: catalog.perspectives.find(({ id }) => id === perspective)?.description ?? perspective,
    agent_id: perspective,
    tokens_used: sumUsage(own),
    cost: 0,
    duration_ms: sumDurations(own),
  };
  if (outcome.state === 'completed')
    return { ...base, status: 'completed', result: answerToMarkdown(outcome.answer), answer: outcome.answer };
  return { ...base, status: 'failed', result: '', ...(outcome.state === 'failed' ? { error: outcome.error } : {}) };
}

function summarise(source: ResultSource, tasks: readonly ParallelTask[]): ParallelResult['execution_summary'] {
  const { run, steps, at } = source;
  const tokens = sumUsage(steps);
  const wallTimeMs = at - run.acceptedAt;
  return {
    perspectives_count: tasks.length,
    failed_count: tasks.filter((task) => task.status === 'failed').length,
    total_tokens: tokens.input + tokens.output,
    tokens,
    total_cost: 0,
    wall_time_ms: wallTimeMs,
    model_time_ms: sumDurations(steps.filter((step) => step.kind === 'model')),
    parallel_factor: wallTimeMs > 0 ? sumDurations(steps) / wallTimeMs : 0,
    vm_executions: steps.filter((step) => step.kind === 'code' && step.state === 'completed').length,
    repeated_steps: steps.reduce((sum, step) => sum + step.repeats, 0),
  };
}

function toWarnings(run: RunRow, steps: readonly StepRow[]): string[] {
  const because = run.model?.substituted_because;
  return [
    ...(because === undefined ? [] : [because]),
    ...steps.filter((step) => step.attempts > 1).map((step) => `${step.path} took ${step.attempts} attempts.`),
    ...steps.flatMap((step) => (step.error === undefined ? [] : [`${step.path} failed: ${step.error.message}`])),
  ];
}

const sumDurations = (steps: readonly StepRow[]): number =>
  steps.reduce((sum, step) => sum + (step.durationMs ?? 0), 0);

const sumUsage = (steps: readonly StepRow[]): TokenUsage =>
  steps.reduce(
    (sum, { usage }) => ({ input: sum.input + (usage?.input ?? 0), output: sum.output + (usage?.output ?? 0) }),
    { input: 0, output: 0 },
  );

const summariesToMarkdown = (tasks: readonly ParallelTask[]): string =>
  tasks
    .flatMap(({ perspective, answer }) => (answer === undefined ? [] : [`**${perspective}**: ${answer.summary}`]))
    .join('\n\n');
