import { setImmediate as nextTurn } from 'node:timers/promises';
import { type Kysely, sql, type Transaction } from 'kysely';
import type { Schema } from './schema.ts';

type Work = (transaction: Transaction<Schema>) => Promise<void>;

/** How soon a commit is safe from a power cut: `now`, or `soon`, with the next one that is `now`. Neither is lost when a process dies. */
export type Urgency = 'now' | 'soon';

interface Unit {
  readonly work: Work;
  readonly urgency: Urgency;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets writers share commits: what comes in while one commit is written goes into the next, in order. A unit that fails takes no
 * other with it: the batch is then written again unit by unit, so units must be safe to run twice.
 */
export class WriteQueue {
  readonly #database: Kysely<Schema>;
  #waiting: Unit[] = [];
  #draining: Promise<void> | undefined;

  constructor(database: Kysely<Schema>) {
    this.#database = database;
  }

  /** Resolves when the work is committed. Rejects with what it threw; nothing of it is kept then. */
  write(work: Work, urgency: Urgency): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ work, urgency, resolve, reject });
    this.#draining ??= this.#drain();
    return promise;
  }

  /** Resolves when everything that was handed in is committed. */
  async flush(): Promise<void> {
    await this.#draining;
  }

  async #drain(): Promise<void> {
    await nextTurn();
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      await this.#commit(batch);
    }
    this.#draining = undefined;
  }

  async #commit(batch: readonly Unit[]): Promise<void> {
    try {
      if (batch.every(({ urgency }) => urgency === 'soon')) await this.#writeUnsynced(batch);
      else await writeBatch(this.#database, batch);
      for (const unit of batch) unit.resolve();
    } catch (error) {
      const [only] = batch;
      if (batch.length === 1 && only !== undefined) only.reject(error);
      else for (const unit of batch) await this.#commit([unit]);
    }
  }

  /** Writes without waiting for the disk; the connection is ours until it waits again. */
  #writeUnsynced(batch: readonly Unit[]): Promise<void> {
    return this.#database.connection().execute(async (connection) => {
      await sql`pragma synchronous = normal`.execute(connection);
      try {
        await writeBatch(connection, batch);
      } finally {
        await sql`pragma synchronous = full`.execute(connection);
      }
    });
  }
}

function writeBatch(database: Kysely<Schema>, batch: readonly Unit[]): Promise<void> {
  return database.transaction().execute(async (transaction) => {
    for (const unit of batch) await unit.work(transaction);
  });
}
