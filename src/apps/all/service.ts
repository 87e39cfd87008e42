import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { type ProcessIdentity, identifyProcess, signalGroup } from '../../lib/process-identity.ts';

/** How one service is started. */
export interface ServiceDefinition {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly logFile: string;
  /** Resolves when it may start; asked before the first start only. */
  readonly mayStart?: (signal: AbortSignal) => Promise<void>;
}

export interface ServiceOptions {
  readonly clock: Clock;
  readonly logger: Logger;
  /** Called after every change of state. */
  readonly onChange: () => void;
  /** The pause before the first restart; it doubles up to `longestPauseMs`, and a life of `healthyMs` sets it back. */
  readonly firstPauseMs?: number;
  readonly longestPauseMs?: number;
  readonly healthyMs?: number;
  /** Time to end after SIGTERM before SIGKILL. */
  readonly graceMs?: number;
}

export type ServiceState = 'starting' | 'running' | 'restarting' | 'stopped';

/** One supervised process: started, started again after every death until it is stopped. */
export class Service {
  readonly definition: ServiceDefinition;
  state: ServiceState = 'starting';
  restarts = 0;
  process: ProcessIdentity | undefined;
  readonly #options: ServiceOptions;
  readonly #stopping = new AbortController();
  #child: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();

  constructor(definition: ServiceDefinition, options: ServiceOptions) {
    this.definition = definition;
    this.#options = options;
  }

  /** Starts it and keeps it running. Returns at once. */
  start(): void {
    this.#ended = this.#keepRunning().catch((error: unknown) => {
      if (!this.#stopping.signal.aborted)
        this.#options.logger.error({ err: error, name: this.definition.name }, 'The service is given up.');
      this.#set('stopped');
    });
  }

  /** Ends it for good: SIGTERM, after the grace SIGKILL for all that it started. Resolves when it is gone. */
  async stop(): Promise<void> {
    this.#stopping.abort(new Error('The service is stopped.'));
    const pid = this.#child?.pid;
    if (pid !== undefined) {
      const { clock, graceMs = 8000 } = this.#options;
      this.#child?.kill('SIGTERM');
      const patience = new AbortController();
      const late = clock.sleep(graceMs, patience.signal).then(
        () => signalGroup(pid, 'SIGKILL'),
        () => undefined,
      );
      await this.#ended;
      patience.abort();
      await late;
      signalGroup(pid, 'SIGKILL');
    }
    await this.#ended;
    this.#set('stopped');
  }

  async #keepRunning(): Promise<void> {
    const { clock, logger, firstPauseMs = 300, longestPauseMs = 15_000, healthyMs = 30_000 } = this.#options;
    const { signal } = this.#stopping;
    const { name } = this.definition;
    await this.definition.mayStart?.(signal);
    let pauseMs = firstPauseMs;
    while (!signal.aborted) {
      const started = clock.monotonic();
      const end = await this.#runOnce();
      if (signal.aborted) return;
      const lifeMs = clock.monotonic() - started;
      if (lifeMs >= healthyMs) pauseMs = firstPauseMs;
      logger.warn(
        { name, end, life_ms: Math.round(lifeMs), pause_ms: pauseMs },
        'A service died and is started again.',
      );
      this.#set('restarting');
      await clock.sleep(pauseMs, signal);
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
      this.restarts += 1;
    }
  }

  async #runOnce(): Promise<string> {
    const { file, args, environment, logFile } = this.definition;
    const log = openSync(logFile, 'a', 0o600);
    let child: ChildProcess;
    try {
      // A group of its own: a Ctrl-C in the terminal that started it all does not reach it. It writes its log itself, so that
      // it outlives the supervisor.
      child = spawn(file, args, { env: environment, detached: true, stdio: ['ignore', log, log] });
    } finally {
      closeSync(log);
    }
    this.#child = child;
    const { promise, resolve } = Promise.withResolvers<string>();
    child.once('error', (error) => resolve(error.message));
    child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code ?? 'unknown'}`));
    if (child.pid !== undefined) {
      this.process = identifyProcess(child.pid);
      this.#set('running');
    }
    const end = await promise;
    this.process = undefined;
    return end;
  }

  #set(state: ServiceState): void {
    this.state = state;
    this.#options.onChange();
  }
}
