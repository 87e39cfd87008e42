import { type Kysely, sql } from 'kysely';
import type { RunEvent, RunEventBody } from '../contracts/runs.ts';
import type { Schema } from './schema.ts';

interface Row {
  readonly position: number;
  readonly run_id: string;
  readonly sequence: number;
  readonly at: number;
  readonly body: string;
}

/** An event with its place in the order over all runs. */
export interface PlacedEvent {
  readonly position: number;
  readonly event: RunEvent;
}

const toEvent = (row: Row): RunEvent => ({
  run_id: row.run_id,
  sequence: row.sequence,
  at: new Date(row.at).toISOString(),
  ...(JSON.parse(row.body) as RunEventBody),
});

/** Adds an event behind the last one of its run. A run that has ended takes no more events: then nothing is written. */
export async function appendEvent(
  database: Kysely<Schema>,
  event: { readonly runId: string; readonly at: number },
  body: RunEventBody,
): Promise<void> {
  await sql`
    insert into events (run_id, sequence, at, body)
    select runs.id, coalesce((select max(sequence) from events where run_id = runs.id), 0) + 1, ${event.at}, ${JSON.stringify(body)}
    from runs where runs.id = ${event.runId} and runs.state in ('pending', 'running')`.execute(database);
}

export async function readEvents(
  database: Kysely<Schema>,
  page: { readonly runId: string; readonly after: number; readonly limit: number },
): Promise<readonly RunEvent[]> {
  const rows = await database
    .selectFrom('events')
    .selectAll()
    .where('run_id', '=', page.runId)
    .where('sequence', '>', page.after)
    .orderBy('sequence')
    .limit(page.limit)
    .execute();
  return (rows as Row[]).map(toEvent);
}

export async function readAllEvents(
  database: Kysely<Schema>,
  page: { readonly after: number; readonly limit: number },
): Promise<readonly PlacedEvent[]> {
  const rows = await database
    .selectFrom('events')
    .selectAll()
    .where('position', '>', page.after)
    .orderBy('position')
    .limit(page.limit)
    .execute();
  return (rows as Row[]).map((row) => ({ position: row.position, event: toEvent(row) }));
}

export async function lastPosition(database: Kysely<Schema>): Promise<number> {
  const row = await database
    .selectFrom('events')
    .select(({ fn }) => fn.max('position').as('last'))
    .executeTakeFirst();
  return Number(row?.last ?? 0);
}

export async function lastSequence(database: Kysely<Schema>, runId: string): Promise<number> {
  const row = await database
    .selectFrom('events')
    .select(({ fn }) => fn.max('sequence').as('last'))
    .where('run_id', '=', runId)
    .executeTakeFirst();
  return Number(row?.last ?? 0);
}
