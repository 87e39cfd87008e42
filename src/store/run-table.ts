import type { Kysely } from 'kysely';
import type { ParallelResult } from '../contracts/analysis.ts';
import type { ErrorBody } from '../contracts/errors.ts';
import { type RunId, toRunId } from '../contracts/ids.ts';
import type { ParallelRequest, RunState } from '../contracts/runs.ts';
import type { RunTable, Schema } from './schema.ts';

/** A request with every default filled in, as it is kept. */
export type StoredRequest = ParallelRequest & {
  readonly perspectives: string[];
  readonly domains: string[];
  readonly role: string;
  readonly overall_role: string;
};

/** The model that serves a run. */
export interface RunModel {
  readonly provider: string;
  readonly name: string;
  readonly requested?: string;
  readonly substituted_because?: string;
}

export interface NewRun {
  readonly id: RunId;
  readonly request: StoredRequest;
  /** Hash of what the client sent. */
  readonly bodyHash: string;
  readonly client: string;
  readonly idempotencyKey: string | undefined;
  readonly mayNameAddress: boolean;
  readonly stepsTotal: number;
  readonly acceptedAt: number;
}

export interface RunRow extends NewRun {
  readonly state: RunState;
  readonly model: RunModel | undefined;
  readonly finishedAt: number | undefined;
  readonly result: ParallelResult | undefined;
  readonly error: ErrorBody | undefined;
}

const active = ['pending', 'running'];

const parse = (text: string | null): unknown => (text === null ? undefined : JSON.parse(text));

const toRun = (row: RunTable): RunRow => ({
  id: toRunId(row.id),
  request: JSON.parse(row.request) as StoredRequest,
  bodyHash: row.body_hash,
  client: row.client,
  idempotencyKey: row.idempotency_key ?? undefined,
  mayNameAddress: row.may_name_address === 1,
  stepsTotal: row.steps_total,
  acceptedAt: row.accepted_at,
  state: row.state as RunState,
  model: parse(row.model) as RunModel | undefined,
  finishedAt: row.finished_at ?? undefined,
  result: parse(row.result) as ParallelResult | undefined,
  error: parse(row.error) as ErrorBody | undefined,
});

export async function insertRun(database: Kysely<Schema>, run: NewRun): Promise<void> {
  await database
    .insertInto('runs')
    .values({
      id: run.id,
      pattern: 'parallelization',
      state: 'pending',
      request: JSON.stringify(run.request),
      body_hash: run.bodyHash,
      client: run.client,
      idempotency_key: run.idempotencyKey ?? null,
      may_name_address: run.mayNameAddress ? 1 : 0,
      steps_total: run.stepsTotal,
      accepted_at: run.acceptedAt,
      model: null,
      finished_at: null,
      result: null,
      error: null,
    })
    .execute();
}

export async function findRun(database: Kysely<Schema>, id: RunId): Promise<RunRow | undefined> {
  const row = await database.selectFrom('runs').selectAll().where('id', '=', id).executeTakeFirst();
  return row === undefined ? undefined : toRun(row);
}

export async function listActiveRuns(database: Kysely<Schema>): Promise<readonly RunRow[]> {
  const rows = await database
    .selectFrom('runs')
    .selectAll()
    .where('state', 'in', active)
    .orderBy('accepted_at')
    .execute();
  return rows.map(toRun);
}

export async function findRunByKey(
  database: Kysely<Schema>,
  key: { readonly client: string; readonly idempotencyKey: string; readonly acceptedAfter: number },
): Promise<RunRow | undefined> {
  const row = await database
    .selectFrom('runs')
    .selectAll()
    .where('client', '=', key.client)
    .where('idempotency_key', '=', key.idempotencyKey)
    .where('accepted_at', '>=', key.acceptedAfter)
    .orderBy('accepted_at', 'desc')
    .executeTakeFirst();
  return row === undefined ? undefined : toRun(row);
}

/** Runs without their results, newest first. */
export async function listRuns(
  database: Kysely<Schema>,
  page: { readonly limit: number; readonly before: RunRow | undefined },
): Promise<readonly RunRow[]> {
  const { before } = page;
  const rows = await database
    .selectFrom('runs')
    .select((row) => [
      ...(['id', 'pattern', 'state', 'request', 'body_hash', 'client', 'idempotency_key', 'may_name_address'] as const),
      ...(['model', 'steps_total', 'accepted_at', 'finished_at', 'error'] as const),
      row.val<string | null>(null).as('result'),
    ])
    .$if(before !== undefined, (query) =>
      query.where((row) =>
        row.or([
          row('accepted_at', '<', before?.acceptedAt ?? 0),
          row.and([row('accepted_at', '=', before?.acceptedAt ?? 0), row('id', '<', before?.id ?? '')]),
        ]),
      ),
    )
    .orderBy('accepted_at', 'desc')
    .orderBy('id', 'desc')
    .limit(page.limit)
    .execute();
  return rows.map(toRun);
}

/** Durations of the last completed runs, newest first. */
export async function recentDurations(database: Kysely<Schema>, limit: number): Promise<readonly number[]> {
  const rows = await database
    .selectFrom('runs')
    .select(['accepted_at', 'finished_at'])
    .where('state', '=', 'completed')
    .orderBy('accepted_at', 'desc')
    .limit(limit)
    .execute();
  return rows.map((row) => (row.finished_at ?? row.accepted_at) - row.accepted_at);
}
