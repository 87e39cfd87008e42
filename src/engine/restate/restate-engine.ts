import { BigboxError } from '../../contracts/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Engine, EngineHealth, Workflow } from '../engine.ts';
import { RunSignals } from '../run-signals.ts';
import { RestateClient } from './client.ts';
import { serviceName, startWorker, type Worker } from './worker.ts';

export interface RestateEngineOptions {
  /** Restate's directory, the one that `restateCommand` was given. */
  readonly directory: string;
  /** The public key that `ensureIdentityKey` gave. */
  readonly identityKey: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How often Restate is looked at while it answers, and while it does not. */
const checkMs = { ready: 3000, down: 250 };
/** How long attempts may take to say how they ended before the worker closes; an attempt whose connection is gone never says it. */
const farewellMs = 500;

/** Creates the engine that lets Restate run workflows and keep the journal of what has ended. Restate itself is started by others. */
export function createRestateEngine(options: RestateEngineOptions): Engine {
  return new RestateEngine(options);
}

class RestateEngine implements Engine {
  readonly #options: RestateEngineOptions;
  readonly #client: RestateClient;
  readonly #signals = new RunSignals();
  readonly #closing = new AbortController();
  #workflow: Workflow | undefined;
  #worker: Worker | undefined;
  #watching: Promise<void> | undefined;
  #health: EngineHealth = { ready: false, problem: 'Restate has not answered yet.' };

  constructor(options: RestateEngineOptions) {
    this.#options = options;
    this.#client = new RestateClient(options.directory);
  }

  async serve(workflow: Workflow): Promise<void> {
    const { identityKey, logger } = this.#options;
    this.#workflow = workflow;
    this.#worker = await startWorker({ workflow, signals: this.#signals, identityKey, logger });
    await this.#check(this.#worker);
    this.#watching = this.#watch(this.#worker);
  }

  async start(runId: string): Promise<void> {
    if (this.#workflow === undefined) throw new Error('serve() comes before start()');
    if (!this.#health.ready)
      throw new BigboxError('ENGINE_UNAVAILABLE', { message: this.#health.problem ?? 'Restate is not ready.' });
    await this.#client.startWorkflow(serviceName(this.#workflow), runId);
  }

  cancel(runId: string, reason: Error): void {
    this.#signals.abort(runId, reason);
  }

  health(): EngineHealth {
    return this.#health;
  }

  async close(reason: Error): Promise<void> {
    this.#closing.abort();
    this.#signals.close(reason);
    await this.#watching;
    await Promise.race([this.#signals.idle(), this.#options.clock.sleep(farewellMs)]);
    await this.#worker?.close();
  }

  /** Registers the worker whenever Restate comes (back), and notices when it goes. */
  async #watch(worker: Worker): Promise<void> {
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await this.#options.clock.sleep(this.#health.ready ? checkMs.ready : checkMs.down, signal).catch(() => undefined);
      if (!signal.aborted) await this.#check(worker);
    }
  }

  async #check(worker: Worker): Promise<void> {
    const { ready } = this.#health;
    try {
      if (ready) await this.#client.ping();
      else await this.#client.register(worker.uri);
      this.#health = { ready: true };
      if (!ready) this.#options.logger.info({ worker: worker.uri }, 'restate has taken the worker');
    } catch (error) {
      const problem = `Restate does not answer; runs wait until it is back.`;
      if (ready) this.#options.logger.warn({ err: error }, 'restate is gone');
      this.#health = { ready: false, problem };
    }
  }
}
