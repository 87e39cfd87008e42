import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { BigboxError } from '../../contracts/errors.ts';
import { AsyncQueue, abortable } from '../../lib/async.ts';
import type { Logger } from '../../lib/log.ts';
import { nodeFlags } from '../../lib/node-flags.ts';
import type { GenerationEvent, GenerationRequest, LoadedModelFacts, ThreadSpeed } from '../../llm/embedded/index.ts';
import { FromWorker, type ToWorker } from './protocol.ts';

export type SpeedSample = Extract<FromWorker, { type: 'speed' }>;

export interface WorkerOptions {
  readonly path: string;
  readonly sequences: number;
  readonly contextLength: number;
  readonly cores: number;
  readonly speeds?: readonly ThreadSpeed[];
  readonly logger: Logger;
  /** Time that an aborted generation has to stop before the process is ended. */
  readonly abortPatienceMs: number;
  readonly onSpeed: (sample: SpeedSample) => void;
}

export interface WorkerReady {
  readonly facts: LoadedModelFacts;
  readonly speeds: readonly ThreadSpeed[];
  /** Whether the speeds were measured just now, and the cores that the process itself kept busy meanwhile. */
  readonly measured: boolean;
  readonly ownBusyCores: number;
}

interface Call {
  readonly events: AsyncQueue<GenerationEvent>;
  patience?: NodeJS.Timeout;
}

const entry = fileURLToPath(new URL('worker.ts', import.meta.url));

/** One life of the process of llama.cpp. When it ends, for whatever reason, the calls in flight fail and `exited` resolves. */
export class WorkerProcess {
  /** Rejects with MODEL_FAILED when the model cannot be loaded or the process ends before. */
  readonly ready: Promise<WorkerReady>;
  readonly exited: Promise<void>;
  readonly #child: ChildProcess;
  readonly #options: WorkerOptions;
  readonly #calls = new Map<number, Call>();
  readonly #ready = Promise.withResolvers<WorkerReady>();
  readonly #exited = Promise.withResolvers<void>();
  #lastId = 0;
  #ended = false;

  constructor(options: WorkerOptions) {
    this.#options = options;
    this.ready = this.#ready.promise;
    this.ready.catch(() => undefined);
    this.exited = this.#exited.promise;
    this.#child = fork(entry, {
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
      execArgv: [...nodeFlags],
    });
    this.#child.on('message', (message) => this.#receive(FromWorker.parse(message)));
    this.#child.on('error', (error) => this.#end(`could not be started: ${error.message}`));
    this.#child.on('exit', (code, signal) =>
      this.#end(signal === null ? `ended with code ${code}` : `was ended by ${signal}`),
    );
    const { path, sequences, contextLength, cores, speeds } = options;
    this.#send({
      type: 'open',
      path,
      sequences,
      contextLength,
      cores,
      ...(speeds === undefined ? {} : { speeds: [...speeds] }),
    });
  }

  get pid(): number | undefined {
    return this.#child.pid;
  }

  get alive(): boolean {
    return !this.#ended;
  }

  /**
   * Generates once. An abort ends the iteration at once; the process is ended when it does not follow in time. Throws
   * INVALID_REQUEST, MODEL_FAILED (llama.cpp failed or crashed) and the signal's reason.
   */
  async *generate(request: GenerationRequest, signal: AbortSignal): AsyncGenerator<GenerationEvent, void> {
    const id = (this.#lastId += 1);
    const call: Call = { events: new AsyncQueue() };
    if (this.#ended) throw new BigboxError('MODEL_FAILED', { message: 'The process of the model has ended.' });
    this.#calls.set(id, call);
    this.#send({ type: 'generate', id, request });
    const events = call.events[Symbol.asyncIterator]();
    let finished = false;
    try {
      for (;;) {
        const next = await abortable(events.next(), signal);
        finished = next.done === true || next.value.type === 'end';
        if (next.done === true) return;
        yield next.value;
      }
    } catch (error) {
      if (!signal.aborted) finished = true;
      throw error;
    } finally {
      if (!finished) this.#abort(id, call);
    }
  }

  setThreads(threads: number): void {
    this.#send({ type: 'threads', threads });
  }

  /** Ends the process. Calls in flight fail with MODEL_FAILED. */
  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  #send(message: ToWorker): void {
    if (this.#ended || !this.#child.connected) return;
    this.#child.send(message, (error) => {
      if (error !== null)
        this.#options.logger.debug({ err: error }, 'The process of the model does not listen any more.');
    });
  }

  #abort(id: number, call: Call): void {
    if (!this.#calls.has(id)) return;
    this.#send({ type: 'abort', id });
    call.patience = setTimeout(() => {
      this.#options.logger.warn({ pid: this.pid }, 'An aborted generation goes on; its process is ended.');
      this.#child.kill('SIGKILL');
    }, this.#options.abortPatienceMs);
    call.patience.unref();
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case 'ready':
        return this.#ready.resolve(message);
      case 'unusable':
        this.#ready.reject(
          new BigboxError('MODEL_FAILED', { message: `The model cannot be loaded: ${message.message}` }),
        );
        this.#child.kill('SIGKILL');
        return undefined;
      case 'speed':
        return this.#options.onSpeed(message);
      case 'text':
        return this.#calls.get(message.id)?.events.push({ type: 'text', text: message.text });
      case 'end':
        return this.#settle(message.id, (events) => {
          events.push({ type: 'end', ...message.result });
          events.end();
        });
      case 'failed': {
        const code = message.reason === 'invalid' ? 'INVALID_REQUEST' : 'MODEL_FAILED';
        return this.#settle(message.id, (events) => events.fail(new BigboxError(code, { message: message.message })));
      }
    }
  }

  #settle(id: number, how: (events: AsyncQueue<GenerationEvent>) => void): void {
    const call = this.#calls.get(id);
    if (call === undefined) return;
    this.#calls.delete(id);
    clearTimeout(call.patience);
    how(call.events);
  }

  #end(how: string): void {
    if (this.#ended) return;
    this.#ended = true;
    const error = new BigboxError('MODEL_FAILED', {
      message: `The process of the model ${how} while it worked for this request.`,
    });
    for (const id of this.#calls.keys()) this.#settle(id, (events) => events.fail(error));
    this.#ready.reject(
      new BigboxError('MODEL_FAILED', { message: `The process of the model ${how} before it was ready.` }),
    );
    this.#exited.resolve();
  }
}
