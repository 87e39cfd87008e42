import { toBigboxError } from '../contracts/errors.ts';
import type { RunId } from '../contracts/ids.ts';
import type { Engine } from '../engine/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';

export interface LauncherOptions {
  readonly engine: Engine;
  readonly clock: Clock;
  readonly logger: Logger;
}

const firstWaitMs = 100;
const longestWaitMs = 2000;

/** Hands runs over to the engine and keeps at it while the engine is away: an accepted run waits, it is not lost. */
export class Launcher {
  readonly #options: LauncherOptions;
  readonly #closing = new AbortController();
  readonly #launching = new Set<Promise<void>>();

  constructor(options: LauncherOptions) {
    this.#options = options;
  }

  launch(id: RunId): void {
    const launching = this.#handOver(id).finally(() => this.#launching.delete(launching));
    this.#launching.add(launching);
  }

  async close(): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#launching);
  }

  async #handOver(id: RunId): Promise<void> {
    const { engine, clock, logger } = this.#options;
    const { signal } = this.#closing;
    for (let waitMs = firstWaitMs; !signal.aborted; waitMs = Math.min(waitMs * 2, longestWaitMs)) {
      try {
        await engine.start(id);
        return;
      } catch (error) {
        logger.debug({ run: id, code: toBigboxError(error).code }, 'the engine does not take the run yet');
      }
      await clock.sleep(waitMs, signal).catch(() => undefined);
    }
  }
}
