import type { Perspective, TokenUsage } from '../../../contracts/analysis.ts';
import { BigboxError } from '../../../contracts/errors.ts';
import type { ModelSource, ResolvedModel, Sandbox } from '../../../contracts/ports.ts';
import type { Clock } from '../../../lib/clock.ts';
import type { Logger } from '../../../lib/log.ts';
import type { RunRecords, RunRow } from '../../../store/index.ts';
import { toModelWish } from '../../accept.ts';
import type { Catalog } from '../../catalog.ts';
import type { StepRunner, StepScope } from '../../steps/step-runner.ts';
import type { AgentCalls, Brief, CallEvent, CallOptions } from './agent-calls.ts';

/** What the pattern is built from. */
export interface ParallelParts {
  readonly records: RunRecords;
  readonly steps: StepRunner;
  readonly models: ModelSource;
  readonly sandbox: Sandbox;
  readonly agents: AgentCalls;
  readonly catalog: Catalog;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The perspective of the catalogue with this id. Throws PERSPECTIVE_UNKNOWN when it was removed since the run was accepted. */
export function perspectiveOf(parts: ParallelParts, id: string): Perspective {
  const found = parts.catalog.perspectives.find((perspective) => perspective.id === id);
  if (found !== undefined) return found;
  throw new BigboxError('PERSPECTIVE_UNKNOWN', {
    message: `There is no perspective "${id}" any more.`,
    context: { name: id },
  });
}

/** What every agent of a run is told. */
export const toBrief = (parts: ParallelParts, run: RunRow): Brief => ({
  topic: run.request.prompt,
  domains: parts.catalog.domains.filter((domain) => run.request.domains.includes(domain.id)),
  role: run.request.role,
  overallRole: run.request.overall_role,
});

/** Finds the model of a run. Throws what `ModelSource.resolve` throws. */
export const resolveModel = (parts: ParallelParts, run: RunRow, signal: AbortSignal): Promise<ResolvedModel> =>
  parts.models.resolve(toModelWish(run.request), { mayNameAddress: run.mayNameAddress, signal });

/** Makes one model call of a step: its text goes to the record as it comes. */
export async function callModel<TResult>(
  parts: ParallelParts,
  { run, scope }: { readonly run: RunRow; readonly scope: StepScope },
  call: (options: CallOptions) => AsyncIterable<CallEvent<TResult>>,
): Promise<{ readonly result: TResult; readonly usage: TokenUsage }> {
  const { model } = await resolveModel(parts, run, scope.signal);
  const temperature = run.request.llm_config?.llm_temperature;
  for await (const event of call({ model, temperature, signal: scope.signal })) {
    if (event.type === 'finished') return { result: event.result, usage: event.usage };
    await scope.text(event.text);
  }
  throw new BigboxError('MODEL_FAILED', { message: 'The answer ended without its result.' });
}
