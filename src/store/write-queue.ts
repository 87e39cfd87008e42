import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Kysely, Transaction } from 'kysely';
import type { Schema } from './schema.ts';

type Work = (transaction: Transaction<Schema>) => Promise<void>;

interface Unit {
  readonly work: Work;
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
  write(work: Work): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push({ work, resolve, reject });
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
      await this.#database.transaction().execute(async (transaction) => {
        for (const unit of batch) await unit.work(transaction);
      });
      for (const unit of batch) unit.resolve();
    } catch (error) {
      const [only] = batch;
      if (batch.length === 1 && only !== undefined) only.reject(error);
      else for (const unit of batch) await this.#commit([unit]);
    }
  }
}
