import { BigboxError } from '../../contracts/errors.ts';
import { Semaphore, abortable } from '../../lib/async.ts';
import { systemClock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import {
  type GenerationEvent,
  type GenerationRequest,
  ThreadGovernor,
  type ThreadSpeed,
} from '../../llm/embedded/index.ts';
import type { StoredModel } from '../../llm/store/index.ts';
import { CalibrationMemory } from './calibration-file.ts';
import { MachineLoad } from './machine-load.ts';
import { type SpeedSample, WorkerProcess, type WorkerReady } from './worker-process.ts';

export interface ModelHostOptions {
  readonly dataDir: string;
  readonly cores: number;
  readonly sequences: number;
  readonly contextLength: number;
  /** Calls that may wait; more are refused with MODEL_BUSY. */
  readonly maxWaiting: number;
  readonly abortPatienceMs: number;
  readonly logger: Logger;
}

interface Calibration {
  readonly speeds: readonly ThreadSpeed[];
  /** Whether nobody else used the cores while it was measured. */
  readonly quiet: boolean;
}

interface Loaded {
  readonly stored: StoredModel;
  readonly worker: WorkerProcess;
  facts?: WorkerReady;
}

const quietCores = 0.35;
const newSampleWeight = 0.3;

/**
 * Keeps one model loaded in a process of its own, starts that process again when it crashes, lets calls wait for their turn and
 * for the model, and decides the number of threads.
 */
export class ModelHost {
  readonly governor: ThreadGovernor;
  readonly #options: ModelHostOptions;
  readonly #calibrations: CalibrationMemory;
  /** What was measured since the start, by hash of the model. */
  readonly #measured = new Map<string, Calibration>();
  readonly #load = new MachineLoad();
  readonly #places: Semaphore;
  readonly #switching = new Semaphore(1);
  #loaded: Loaded | undefined;
  #active = 0;
  #onIdle: (() => void) | undefined;
  #tokensPerSecond: number | undefined;
  #closed = false;

  constructor(options: ModelHostOptions) {
    this.#options = options;
    this.#calibrations = new CalibrationMemory(options.dataDir);
    this.#places = new Semaphore(options.sequences);
    this.governor = new ThreadGovernor({ cores: options.cores, clock: systemClock });
  }

  /** The model in memory and, once it is ready, its facts. */
  get loaded(): { readonly stored: StoredModel; readonly ready?: WorkerReady } | undefined {
    if (this.#loaded === undefined || !this.#loaded.worker.alive) return undefined;
    const { stored, facts } = this.#loaded;
    return { stored, ...(facts === undefined ? {} : { ready: facts }) };
  }

  /** Process id of llama.cpp, for those who look after processes. */
  get workerPid(): number | undefined {
    return this.#loaded?.worker.alive === true ? this.#loaded.worker.pid : undefined;
  }

  get waiting(): number {
    return this.#places.waiting;
  }

  get active(): number {
    return this.#active;
  }

  /** Speed of all generations together over the last seconds in which none was reading its prompt. */
  get tokensPerSecond(): number | undefined {
    return this.#tokensPerSecond;
  }

  /**
   * Generates with a model, which is loaded first where another or none is. Throws MODEL_BUSY (too many calls wait),
   * MODEL_FAILED (it cannot be loaded, or its process ended), INVALID_REQUEST, SHUTTING_DOWN, and the signal's reason.
   */
  async *generate(
    stored: StoredModel,
    request: GenerationRequest,
    signal: AbortSignal,
  ): AsyncGenerator<GenerationEvent, void> {
    if (this.#places.waiting >= this.#options.maxWaiting)
      throw new BigboxError('MODEL_BUSY', {
        message: 'server busy, please try again.  maximum pending requests exceeded',
        context: { waiting: this.#places.waiting },
      });
    const release = await this.#places.acquire(signal);
    try {
      const worker = await this.#begin(stored, signal);
      try {
        await abortable(worker.ready, signal);
        yield* worker.generate(request, signal);
      } finally {
        this.#end();
      }
    } finally {
      release();
    }
  }

  /** Loads a model and waits until it is ready. Throws like `generate`. */
  async load(stored: StoredModel, signal: AbortSignal): Promise<void> {
    const worker = await this.#begin(stored, signal);
    try {
      await abortable(worker.ready, signal);
    } finally {
      this.#end();
    }
  }

  /** Frees the memory of the model as soon as no call uses it. */
  async unload(signal: AbortSignal): Promise<void> {
    const release = await this.#switching.acquire(signal);
    try {
      await this.#drop(signal);
    } finally {
      release();
    }
  }

  /** Gives the cores to a holder for a time; 0 takes them back. */
  lease(holder: string, milliseconds: number): void {
    this.governor.lease(holder, milliseconds);
    this.#applyThreads();
    const expiry = this.governor.nextExpiryMs();
    if (expiry !== undefined) setTimeout(() => this.#applyThreads(), expiry + 1).unref();
  }

  /** Ends the process of the model; calls in flight fail. */
  async close(): Promise<void> {
    this.#closed = true;
    await this.#loaded?.worker.stop();
  }

  /** Counts the caller in, on a living process with the right model. */
  async #begin(stored: StoredModel, signal: AbortSignal): Promise<WorkerProcess> {
    const release = await this.#switching.acquire(signal);
    try {
      if (this.#closed) throw new BigboxError('SHUTTING_DOWN', { message: 'The model service is stopping.' });
      if (this.#loaded !== undefined && this.#loaded.stored.path !== stored.path) await this.#drop(signal);
      if (this.#loaded === undefined || !this.#loaded.worker.alive) await this.#start(stored);
      this.#active += 1;
      return this.#current().worker;
    } finally {
      release();
    }
  }

  #end(): void {
    this.#active -= 1;
    if (this.#active === 0) this.#onIdle?.();
  }

  #current(): Loaded {
    if (this.#loaded === undefined) throw new Error('No model is loaded.');
    return this.#loaded;
  }

  async #drop(signal: AbortSignal): Promise<void> {
    if (this.#active > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#onIdle = resolve;
      await abortable(promise, signal);
    }
    const loaded = this.#loaded;
    this.#loaded = undefined;
    await loaded?.worker.stop();
  }

  async #start(stored: StoredModel): Promise<void> {
    const { cores, logger } = this.#options;
    const known = await this.#calibrationOf(stored, cores);
    const worker = new WorkerProcess({
      ...this.#options,
      path: stored.path,
      ...(known === undefined ? {} : { speeds: known.speeds }),
      onSpeed: (sample) => this.#observe(sample),
    });
    const loaded: Loaded = { stored, worker };
    this.#loaded = loaded;
    this.#load.take();
    logger.info({ model: stored.model.name, pid: worker.pid }, 'Loading the model.');
    worker.ready.then(
      (ready) => this.#onReady(loaded, ready),
      (error: unknown) => logger.error({ err: error }, 'The model is not ready.'),
    );
    void worker.exited.then(() => this.#onExit(loaded));
  }

  async #calibrationOf({ model }: StoredModel, cores: number): Promise<Calibration | undefined> {
    const measured = this.#measured.get(model.sha256);
    if (measured !== undefined) return measured;
    const speeds = await this.#calibrations.recall(model.sha256, cores);
    return speeds === undefined ? undefined : { speeds, quiet: true };
  }

  #onReady(loaded: Loaded, ready: WorkerReady): void {
    loaded.facts = ready;
    const { logger, cores } = this.#options;
    const { model } = loaded.stored;
    const quiet = ready.measured
      ? this.#load.take() - ready.ownBusyCores < quietCores
      : (this.#measured.get(model.sha256)?.quiet ?? true);
    this.#measured.set(model.sha256, { speeds: ready.speeds, quiet });
    this.governor.calibrate(ready.speeds, quiet);
    this.#applyThreads();
    logger.info(
      { model: model.name, threads: this.governor.threads, speeds: ready.speeds, quiet },
      'The model is ready.',
    );
    if (!ready.measured || !quiet) return;
    this.#calibrations
      .remember(model.sha256, cores, ready.speeds)
      .catch((error: unknown) => logger.warn({ err: error }, 'The calibration could not be kept.'));
  }

  /** A model that was ready and crashed is loaded again at once, so that the next call finds it. */
  #onExit(loaded: Loaded): void {
    if (this.#closed || this.#loaded !== loaded) return;
    this.#options.logger.warn({ model: loaded.stored.model.name }, 'The process of the model has ended.');
    if (loaded.facts === undefined) return;
    this.load(loaded.stored, new AbortController().signal).catch((error: unknown) =>
      this.#options.logger.error({ err: error }, 'The model could not be loaded again.'),
    );
  }

  #observe(sample: SpeedSample): void {
    if (sample.tokensPerSecond !== undefined)
      this.#tokensPerSecond =
        (this.#tokensPerSecond ?? sample.tokensPerSecond) * (1 - newSampleWeight) +
        sample.tokensPerSecond * newSampleWeight;
    const otherBusyCores = Math.max(0, this.#load.take() - sample.ownBusyCores);
    this.governor.observe({
      otherBusyCores,
      ...(sample.tokensPerSecond === undefined ? {} : { tokensPerSecond: sample.tokensPerSecond }),
    });
    this.#applyThreads();
  }

  #applyThreads(): void {
    this.#loaded?.worker.setThreads(this.governor.threads);
  }
}
