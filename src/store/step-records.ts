import type { Kysely, Selectable } from 'kysely';
import type { TokenUsage } from '../contracts/analysis.ts';
import type { ErrorBody } from '../contracts/errors.ts';
import type { Schema, StepTable } from './schema.ts';

/** One step of a run. `result` is what the step's function gave; its form is the workflow's affair. */
export interface StepRow {
  readonly path: string;
  readonly agent: string;
  readonly kind: string;
  readonly inputHash: string;
  readonly state: 'running' | 'completed' | 'failed';
  readonly attempts: number;
  readonly repeats: number;
  readonly result: unknown;
  readonly error: ErrorBody | undefined;
  readonly usage: TokenUsage | undefined;
  readonly durationMs: number | undefined;
  readonly startedAt: number;
  readonly finishedAt: number | undefined;
}

export interface StepStart {
  readonly runId: string;
  readonly path: string;
  readonly agent: string;
  /** `model` or `code`: what the step's time is spent on. */
  readonly kind: string;
  readonly inputHash: string;
  /** The attempt before was in flight when a process died. */
  readonly repeated: boolean;
  readonly at: number;
}

export type StepOutcome =
  | { readonly state: 'completed'; readonly result: unknown; readonly usage?: TokenUsage }
  | { readonly state: 'failed'; readonly error: ErrorBody };

const parse = (text: string | null): unknown => (text === null ? undefined : JSON.parse(text));

const toStep = (row: Selectable<StepTable>): StepRow => ({
  path: row.path,
  agent: row.agent,
  kind: row.kind,
  inputHash: row.input_hash,
  state: row.state as StepRow['state'],
  attempts: row.attempts,
  repeats: row.repeats,
  result: parse(row.result),
  error: parse(row.error) as ErrorBody | undefined,
  usage: row.input_tokens === null ? undefined : { input: row.input_tokens, output: row.output_tokens ?? 0 },
  durationMs: row.duration_ms ?? undefined,
  startedAt: row.started_at,
  finishedAt: row.finished_at ?? undefined,
});

export async function findStep(database: Kysely<Schema>, runId: string, path: string): Promise<StepRow | undefined> {
  const row = await database
    .selectFrom('steps')
    .selectAll()
    .where('run_id', '=', runId)
    .where('path', '=', path)
    .executeTakeFirst();
  return row === undefined ? undefined : toStep(row);
}

export async function listSteps(database: Kysely<Schema>, runId: string): Promise<readonly StepRow[]> {
  const rows = await database
    .selectFrom('steps')
    .selectAll()
    .where('run_id', '=', runId)
    .orderBy('started_at')
    .orderBy('path')
    .execute();
  return rows.map(toStep);
}

/** What a list of runs shows of their steps, without reading the results. */
export interface StepSummary {
  readonly finished: number;
  readonly running: string | undefined;
  readonly usage: TokenUsage;
}

export async function summariseSteps(database: Kysely<Schema>, runId: string): Promise<StepSummary> {
  const rows = await database
    .selectFrom('steps')
    .select(['path', 'state', 'input_tokens', 'output_tokens'])
    .where('run_id', '=', runId)
    .orderBy('started_at')
    .execute();
  const sum = (values: readonly (number | null)[]): number => values.reduce<number>((all, one) => all + (one ?? 0), 0);
  return {
    finished: rows.filter((row) => row.state !== 'running').length,
    running: rows.findLast((row) => row.state === 'running')?.path,
    usage: { input: sum(rows.map((row) => row.input_tokens)), output: sum(rows.map((row) => row.output_tokens)) },
  };
}

/** Notes a new attempt; gives its number. A row with another input is started over. */
export async function startStep(database: Kysely<Schema>, start: StepStart): Promise<void> {
  await database
    .insertInto('steps')
    .values({
      run_id: start.runId,
      path: start.path,
      agent: start.agent,
      kind: start.kind,
      input_hash: start.inputHash,
      state: 'running',
      attempts: 1,
      repeats: 0,
      started_at: start.at,
    } as StepTable)
    .onConflict((conflict) =>
      conflict.columns(['run_id', 'path']).doUpdateSet((row) => ({
        input_hash: start.inputHash,
        state: 'running',
        attempts: row('steps.attempts', '+', 1),
        repeats: row('steps.repeats', '+', start.repeated ? 1 : 0),
        result: null,
        error: null,
        finished_at: null,
        started_at: start.at,
      })),
    )
    .execute();
}

/** Writes how a running step ended; a step that is not running stays as it is. */
export async function settleStep(
  database: Kysely<Schema>,
  step: { readonly runId: string; readonly path: string; readonly at: number; readonly durationMs: number },
  outcome: StepOutcome,
): Promise<void> {
  const usage = outcome.state === 'completed' ? outcome.usage : undefined;
  await database
    .updateTable('steps')
    .set({
      state: outcome.state,
      result: outcome.state === 'completed' ? JSON.stringify(outcome.result) : null,
      error: outcome.state === 'failed' ? JSON.stringify(outcome.error) : null,
      input_tokens: usage?.input ?? null,
      output_tokens: usage?.output ?? null,
      duration_ms: step.durationMs,
      finished_at: step.at,
    })
    .where('run_id', '=', step.runId)
    .where('path', '=', step.path)
    .where('state', '=', 'running')
    .execute();
}

/** Ends every step of a run that still counts as running. */
export async function abandonSteps(
  database: Kysely<Schema>,
  run: { readonly runId: string; readonly at: number; readonly error: ErrorBody },
): Promise<void> {
  await database
    .updateTable('steps')
    .set({ state: 'failed', error: JSON.stringify(run.error), finished_at: run.at })
    .where('run_id', '=', run.runId)
    .where('state', '=', 'running')
    .execute();
}
