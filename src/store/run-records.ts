import type { Kysely } from 'kysely';
import type { ParallelResult } from '../contracts/analysis.ts';
import type { ErrorBody } from '../contracts/errors.ts';
import type { RunId } from '../contracts/ids.ts';
import type { RunEvent, RunEventBody, RunState } from '../contracts/runs.ts';
import * as events from './event-records.ts';
import * as table from './run-table.ts';
import type { Schema } from './schema.ts';
import * as steps from './step-records.ts';
import { type Watch, Watchers } from './watch.ts';
import { type Urgency, WriteQueue } from './write-queue.ts';

/** What may be written together in one commit. Everything here is about one run and safe to be called twice. */
export interface RunWriter {
  insert(run: table.NewRun): Promise<void>;
  /** Adds events behind the last one, in order. Writes nothing when the run has ended. */
  append(...bodies: readonly RunEventBody[]): Promise<void>;
  /** Notes the model and that the run is running. */
  begin(model: table.RunModel): Promise<void>;
  addSteps(count: number): Promise<void>;
  startStep(step: Omit<steps.StepStart, 'runId' | 'at'>): Promise<void>;
  settleStep(step: { readonly path: string; readonly durationMs: number }, outcome: steps.StepOutcome): Promise<void>;
  /** Ends the run, with `run-finished` as its last event. Writes nothing when it has ended before. */
  finish(end: RunEnd): Promise<void>;
}

export interface RunEnd {
  readonly state: Extract<RunState, 'completed' | 'failed' | 'cancelled'>;
  readonly result?: ParallelResult;
  readonly error?: ErrorBody;
}

export interface WriteTarget {
  readonly id: RunId;
  readonly at: number;
  readonly urgency?: Urgency;
}

/** Runs with their events and steps. */
export interface RunRecords {
  find(id: RunId): Promise<table.RunRow | undefined>;
  findByKey(key: {
    readonly client: string;
    readonly idempotencyKey: string;
    readonly acceptedAfter: number;
  }): Promise<table.RunRow | undefined>;
  list(page: { readonly limit: number; readonly before: table.RunRow | undefined }): Promise<readonly table.RunRow[]>;
  listActive(): Promise<readonly table.RunRow[]>;
  recentDurations(limit: number): Promise<readonly number[]>;
  events(page: { readonly runId: RunId; readonly after: number; readonly limit: number }): Promise<readonly RunEvent[]>;
  allEvents(page: { readonly after: number; readonly limit: number }): Promise<readonly events.PlacedEvent[]>;
  lastPosition(): Promise<number>;
  lastSequence(id: RunId): Promise<number>;
  step(id: RunId, path: string): Promise<steps.StepRow | undefined>;
  steps(id: RunId): Promise<readonly steps.StepRow[]>;
  summariseSteps(id: RunId): Promise<steps.StepSummary>;
  /** Writes everything that `work` asks for in one commit, which other writers may share; `urgency` defaults to `now`. */
  write(target: WriteTarget, work: (writer: RunWriter) => Promise<void>): Promise<void>;
  /** Watches the commits of one run, or of all when no id is given. */
  watch(id?: RunId): Watch;
  /** Watches only the commit that ends a run. */
  watchEnd(id: RunId): Watch;
  flush(): Promise<void>;
}

const everyRun = '*';
const endOf = (id: RunId): string => `${id} end`;

/** Creates the runs of a database. */
export function createRunRecords(database: Kysely<Schema>): RunRecords {
  const queue = new WriteQueue(database);
  const watchers = new Watchers();
  return {
    find: (id) => table.findRun(database, id),
    findByKey: (key) => table.findRunByKey(database, key),
    list: (page) => table.listRuns(database, page),
    listActive: () => table.listActiveRuns(database),
    recentDurations: (limit) => table.recentDurations(database, limit),
    events: (page) => events.readEvents(database, page),
    allEvents: (page) => events.readAllEvents(database, page),
    lastPosition: () => events.lastPosition(database),
    lastSequence: (id) => events.lastSequence(database, id),
    step: (id, path) => steps.findStep(database, id, path),
    steps: (id) => steps.listSteps(database, id),
    summariseSteps: (id) => steps.summariseSteps(database, id),
    async write(target, work) {
      let ended = false;
      const noteEnd = (): void => {
        ended = true;
      };
      await queue.write((transaction) => work(createWriter(transaction, target, noteEnd)), target.urgency ?? 'now');
      watchers.notify(target.id);
      watchers.notify(everyRun);
      if (ended) watchers.notify(endOf(target.id));
    },
    watch: (id) => watchers.open(id ?? everyRun),
    watchEnd: (id) => watchers.open(endOf(id)),
    flush: () => queue.flush(),
  };
}

function createWriter(database: Kysely<Schema>, target: WriteTarget, onFinish: () => void): RunWriter {
  const { id, at } = target;
  const append = async (...bodies: readonly RunEventBody[]): Promise<void> => {
    for (const body of bodies) await events.appendEvent(database, { runId: id, at }, body);
  };
  return {
    append,
    insert: (run) => table.insertRun(database, run),
    async begin(model) {
      await database
        .updateTable('runs')
        .set({ state: 'running', model: JSON.stringify(model) })
        .where('id', '=', id)
        .where('state', '=', 'pending')
        .execute();
    },
    async addSteps(count) {
      await database
        .updateTable('runs')
        .set((row) => ({ steps_total: row('steps_total', '+', count) }))
        .where('id', '=', id)
        .execute();
    },
    startStep: (step) => steps.startStep(database, { ...step, runId: id, at }),
    settleStep: (step, outcome) => steps.settleStep(database, { ...step, runId: id, at }, outcome),
    async finish(end) {
      onFinish();
      const { error } = end;
      await append({ type: 'run-finished', status: end.state, ...(error === undefined ? {} : { error }) });
      if (error !== undefined) await steps.abandonSteps(database, { runId: id, at, error });
      await database
        .updateTable('runs')
        .set({
          state: end.state,
          finished_at: at,
          result: end.result === undefined ? null : JSON.stringify(end.result),
          error: error === undefined ? null : JSON.stringify(error),
        })
        .where('id', '=', id)
        .where('state', 'in', ['pending', 'running'])
        .execute();
    },
  };
}
