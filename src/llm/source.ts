import { BigboxError, toBigboxError } from '../contracts/errors.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Model, ModelSource, ModelWish, ResolvedModel } from './model.ts';
import { createOllamaModel, listOllamaModels, pullOllamaModel } from './ollama/index.ts';
import { createOpenAiCompatibleModel, listOpenAiModels } from './openai-compatible/index.ts';

/** How a server is spoken to: Ollama's own API, or OpenAI's chat completions. */
export type ModelProtocol = 'ollama' | 'openai-compatible';

export interface ModelSourceOptions {
  /** The model of the configuration. What is absent is taken from the fallback. The key goes to this address only. */
  readonly configured: {
    readonly provider?: string;
    readonly name?: string;
    readonly baseUrl?: string;
    readonly apiKey?: string;
  };
  /** The machine's own model server, which speaks Ollama's API; its first model serves where the wanted one is absent. */
  readonly fallback: { readonly baseUrl: string };
  readonly clock?: Clock;
}

interface Target {
  readonly protocol: ModelProtocol;
  readonly baseUrl: string;
  readonly name: string | undefined;
  readonly apiKey: string | undefined;
  readonly isConfigured: boolean;
}

interface ResolveOptions {
  readonly mayNameAddress: boolean;
  readonly signal: AbortSignal;
}

/** A model that could not be pulled is not asked for again for this long. */
const pullAgainAfterMs = 10 * 60_000;

/** Creates the source of models that workflows hold. */
export function createModelSource(options: ModelSourceOptions): ModelSource {
  return new ConfiguredModelSource(options);
}

class ConfiguredModelSource implements ModelSource {
  readonly #options: ModelSourceOptions;
  readonly #clock: Clock;
  readonly #failedPulls = new Map<string, { readonly reason: string; readonly at: number }>();

  constructor(options: ModelSourceOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async resolve(wish: ModelWish, options: ResolveOptions): Promise<ResolvedModel> {
    const target = this.#toTarget(wish, options.mayNameAddress);
    if (target === undefined)
      return this.#useFallback(
        wish.name ?? wish.provider,
        `this version does not speak the protocol of "${wish.provider}"`,
        options,
      );
    try {
      return await this.#resolveAt(target, options);
    } catch (error) {
      options.signal.throwIfAborted();
      const failure = toBigboxError(error);
      if (failure.code === 'INTERNAL' || !target.isConfigured || this.#isFallback(target)) throw failure;
      return this.#useFallback(target.name, failure.message, options);
    }
  }

  /** What the wish means; undefined where it names a provider that is not built. Throws MODEL_NOT_ALLOWED. */
  #toTarget(wish: ModelWish, mayNameAddress: boolean): Target | undefined {
    const { configured, fallback } = this.#options;
    const own = normalise(configured.baseUrl ?? fallback.baseUrl);
    const baseUrl = wish.baseUrl === undefined ? own : normalise(wish.baseUrl);
    const isConfigured = baseUrl === own || baseUrl === normalise(fallback.baseUrl);
    if (!isConfigured && !mayNameAddress)
      throw new BigboxError('MODEL_NOT_ALLOWED', {
        message: `The model address ${baseUrl} is not configured.`,
        context: { address: baseUrl },
      });
    const protocol = toProtocol(wish.provider ?? (baseUrl === own ? configured.provider : undefined) ?? 'ollama');
    if (protocol === undefined) return undefined;
    return {
      protocol,
      baseUrl,
      name: wish.name ?? configured.name,
      apiKey: baseUrl === own ? configured.apiKey : undefined,
      isConfigured,
    };
  }

  async #resolveAt(target: Target, options: ResolveOptions): Promise<ResolvedModel> {
    const present = await listModels(target, options.signal);
    const { name } = target;
    if (name === undefined) {
      const first = present[0];
      if (first !== undefined) return { model: createModel(target, first) };
      throw new BigboxError('MODEL_UNREACHABLE', {
        message: `The model server at ${target.baseUrl} has no model.`,
        context: { address: target.baseUrl },
      });
    }
    const match = present.find((candidate) => isSameModel(candidate, name));
    if (match !== undefined) return { model: createModel(target, match) };
    const absence = await this.#pull(target, name, options.signal);
    if (absence === undefined) return { model: createModel(target, name) };
    return this.#useFallback(name, absence, options);
  }

  /** Pulls the configured model where its server can; gives the reason where the model stays absent. */
  /* oxlint-disable-next-line max-params */
  async #pull(target: Target, name: string, signal: AbortSignal): Promise<string | undefined> {
    const absent = `the model server at ${target.baseUrl} does not have ${name}`;
    const mayPull = target.protocol === 'ollama' && target.isConfigured && name === this.#options.configured.name;
    if (!mayPull) return absent;
    const key = `${target.baseUrl} ${name}`;
    const earlier = this.#failedPulls.get(key);
    if (earlier !== undefined && this.#clock.monotonic() - earlier.at < pullAgainAfterMs) return earlier.reason;
    try {
      await pullOllamaModel({ baseUrl: target.baseUrl, name }, signal);
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      const reason = `${absent} and could not pull it: ${toBigboxError(error).message}`;
      this.#failedPulls.set(key, { reason, at: this.#clock.monotonic() });
      return reason;
    }
  }

  async #useFallback(requested: string | undefined, reason: string, options: ResolveOptions): Promise<ResolvedModel> {
    const baseUrl = normalise(this.#options.fallback.baseUrl);
    const first = (await listOllamaModels(baseUrl, options.signal))[0];
    if (first === undefined)
      throw new BigboxError('MODEL_UNREACHABLE', {
        message: `No model can serve: ${reason}, and the machine's own server at ${baseUrl} has none.`,
        context: { address: baseUrl, ...(requested === undefined ? {} : { requested }) },
      });
    return {
      model: createOllamaModel({ baseUrl, name: first }),
      substitutedBecause: reason,
      ...(requested === undefined ? {} : { requested }),
    };
  }

  #isFallback(target: Target): boolean {
    return target.baseUrl === normalise(this.#options.fallback.baseUrl);
  }
}

function listModels(target: Target, signal: AbortSignal): Promise<string[]> {
  if (target.protocol === 'ollama') return listOllamaModels(target.baseUrl, signal);
  return listOpenAiModels(
    { baseUrl: target.baseUrl, ...(target.apiKey === undefined ? {} : { apiKey: target.apiKey }) },
    signal,
  );
}

function createModel(target: Target, name: string): Model {
  if (target.protocol === 'ollama') return createOllamaModel({ baseUrl: target.baseUrl, name });
  return createOpenAiCompatibleModel({
    baseUrl: target.baseUrl,
    name,
    ...(target.apiKey === undefined ? {} : { apiKey: target.apiKey }),
  });
}

function toProtocol(provider: string): ModelProtocol | undefined {
  const name = provider.trim().toLowerCase();
  if (name === 'ollama' || name === '') return 'ollama';
  return name === 'openai-compatible' || name === 'openai' ? 'openai-compatible' : undefined;
}

/** Ollama's names without a tag mean `:latest`. */
function isSameModel(candidate: string, name: string): boolean {
  return candidate === name || candidate === `${name}:latest`;
}

/** One spelling for one address, so that a wish for the configured one is recognised. Throws MODEL_NOT_ALLOWED for what is none. */
function normalise(baseUrl: string): string {
  const url = URL.parse(baseUrl);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new BigboxError('MODEL_NOT_ALLOWED', {
      message: `"${baseUrl}" is not an address of a model server; http:// or https:// was expected.`,
      remedy: 'Write the address as http://HOST:PORT.',
    });
  const host =
    url.hostname === 'localhost' || url.hostname === '[::1]'
      ? `127.0.0.1${url.port === '' ? '' : `:${url.port}`}`
      : url.host;
  return `${url.protocol}//${host}${url.pathname.replace(/\/+$/, '')}`;
}
