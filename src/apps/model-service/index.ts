import { availableParallelism } from 'node:os';
import { type InstalledModel, type ModelServer, type ServerState, createOllamaServer } from '../../api/ollama/index.ts';
import { type HttpServer, listen } from '../../http/index.ts';
import type { Logger } from '../../lib/log.ts';
import { type Source, createHubSource } from '../../llm/store/index.ts';
import { LocalModels } from './local-models.ts';
import { ModelHost } from './model-host.ts';

export interface ModelServiceOptions {
  readonly cacheDir: string;
  readonly dataDir: string;
  /** Named in `/api/version`, so that another Bigbox does not take this service for its own. */
  readonly instance: string;
  /** Loaded at once when it is on this machine. Without it the first call decides. */
  readonly model?: string;
  readonly host?: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly logger: Logger;
  /** Where models may come from. Default: Hugging Face. */
  readonly sources?: readonly Source[];
  /** Generations at one time. Default 6. */
  readonly sequences?: number;
  /** Tokens that each generation can see. Default 4096. */
  readonly contextLength?: number;
  /** Calls that may wait. Default 64. */
  readonly maxWaiting?: number;
  /** Cores that llama.cpp may use. Default: those of the machine. */
  readonly cores?: number;
  /** Time that an aborted generation has to stop before its process is ended. Default 10 s. */
  readonly abortPatienceMs?: number;
}

export interface ModelService {
  /** Like `http://127.0.0.1:11434`. */
  readonly url: string;
  /** Process id of llama.cpp while it runs. */
  readonly workerPid: () => number | undefined;
  readonly state: () => ServerState;
  /** Downloads a model, if it is missing, and loads it. Throws like `ensureModel`. */
  readonly prepare: (name: string, signal: AbortSignal) => Promise<void>;
  readonly close: () => Promise<void>;
}

const closeGraceMs = 1_000;

function toState(host: ModelHost): ServerState {
  const { loaded, governor, tokensPerSecond } = host;
  return {
    state: loaded === undefined ? 'unavailable' : loaded.ready === undefined ? 'starting' : 'ready',
    ...(loaded === undefined ? {} : { model: loaded.stored.model.name }),
    threads: governor.threads,
    idealThreads: governor.idealThreads,
    leases: governor.leases,
    speeds: loaded?.ready?.speeds ?? [],
    ...(tokensPerSecond === undefined ? {} : { tokensPerSecond }),
    active: host.active,
    waiting: host.waiting,
  };
}

function compose(options: ModelServiceOptions): { readonly host: ModelHost; readonly models: LocalModels } {
  const host = new ModelHost({
    dataDir: options.dataDir,
    cores: options.cores ?? availableParallelism(),
    sequences: options.sequences ?? 6,
    contextLength: options.contextLength ?? 4096,
    maxWaiting: options.maxWaiting ?? 64,
    abortPatienceMs: options.abortPatienceMs ?? 10_000,
    logger: options.logger,
  });
  return { host, models: new LocalModels(options.cacheDir, options.sources ?? [createHubSource()]) };
}

function toModelServer(instance: string, host: ModelHost, models: LocalModels): ModelServer {
  const loadedModel = (): InstalledModel | undefined => {
    const stored = host.loaded?.stored;
    return stored === undefined ? undefined : { ...stored, modifiedAt: new Date(0) };
  };
  return {
    instance,
    installed: () => models.installed(host.loaded?.stored.model.name),
    find: (name) => models.find(name),
    loaded: () => {
      const installed = loadedModel();
      const facts = host.loaded?.ready?.facts;
      return installed === undefined || facts === undefined ? undefined : { installed, facts };
    },
    load: (model, signal) => host.load(model, signal),
    unload: async (model, signal) => {
      if (host.loaded?.stored.path === model.path) await host.unload(signal);
    },
    generate: (model, request, signal) => host.generate(model, request, signal),
    pull: (name, signal) => models.pull(name, signal),
    remove: async (name) => {
      if (host.loaded?.stored.model.name === name) await host.unload(new AbortController().signal);
      return models.remove(name);
    },
    yieldCores: (holder, milliseconds) => host.lease(holder, milliseconds),
    state: () => toState(host),
  };
}

/** Lets answers end that are being sent, then cuts what is left: a connection without a request would hold the stop for a minute. */
async function closeServer(app: HttpServer): Promise<void> {
  const cut = setTimeout(() => app.server.closeAllConnections(), closeGraceMs);
  try {
    await app.close();
  } finally {
    clearTimeout(cut);
  }
}

/**
 * Starts the model service: an HTTP server with the interface of Ollama, and llama.cpp in a process of its own that may crash
 * without taking the server along. The caller closes it. Throws PORT_IN_USE.
 */
export async function startModelService(options: ModelServiceOptions): Promise<ModelService> {
  const { host, models } = compose(options);
  const app = await createOllamaServer(toModelServer(options.instance, host, models), { logger: options.logger });
  const url = await listen(app, { port: options.port, ...(options.host === undefined ? {} : { host: options.host }) });
  const load = async (name: string, signal: AbortSignal): Promise<void> => {
    const stored = await models.find(name);
    if (stored === undefined) return options.logger.warn({ model: name }, 'The model is not on this machine.');
    return host.load(stored, signal);
  };
  if (options.model !== undefined)
    load(options.model, new AbortController().signal).catch((error: unknown) =>
      options.logger.error({ err: error }, 'The model could not be loaded.'),
    );
  return {
    url,
    workerPid: () => host.workerPid,
    state: () => toState(host),
    async prepare(name, signal) {
      await Array.fromAsync(models.pull(name, signal));
      await load(name, signal);
    },
    async close() {
      await host.close();
      await closeServer(app);
    },
  };
}
