import {
  type ChatWrapper,
  type Llama,
  type LlamaContext,
  type LlamaGrammar,
  LlamaLogLevel,
  type LlamaModel,
  type TokenBias,
  getLlama,
  resolveChatWrapper,
} from 'node-llama-cpp';
import type { Logger } from '../../lib/log.ts';
import { calibrate, threadCandidates } from './calibrate.ts';
import { banEastAsianTokens, hasEastAsianText } from './foreign-script.ts';
import { generate, preparePrompt } from './generate.ts';
import { createSchemaGrammar } from './grammar-schema.ts';
import { SequencePool } from './sequence-pool.ts';
import type { GenerationRequest, GenerationResult, LoadedModelFacts, ThreadSpeed } from './types.ts';

export interface EmbeddedModelOptions {
  readonly path: string;
  /** Generations that run at one time, in one context. */
  readonly sequences: number;
  /** Tokens that each of them can see; never more than the model was trained for. */
  readonly contextLength: number;
  /** Cores that llama.cpp may use. */
  readonly cores: number;
  readonly logger: Logger;
}

export interface GenerationWatcher {
  readonly onText: (text: string) => void;
  readonly onTokens: (count: number) => void;
  readonly signal: AbortSignal;
}

const batchSize = 64;
const rememberedGrammars = 32;

/** One model of llama.cpp in this process. Its owner closes it; a crash of llama.cpp takes the process along. */
export class EmbeddedModel {
  readonly facts: LoadedModelFacts;
  readonly #llama: Llama;
  readonly #model: LlamaModel;
  readonly #context: LlamaContext;
  readonly #wrapper: ChatWrapper;
  readonly #pool: SequencePool;
  readonly #bias: TokenBias | undefined;
  readonly #grammars = new Map<string, Promise<LlamaGrammar>>();

  private constructor(parts: Parts, facts: LoadedModelFacts) {
    this.facts = facts;
    this.#llama = parts.llama;
    this.#model = parts.model;
    this.#context = parts.context;
    this.#wrapper = resolveChatWrapper(parts.model);
    this.#bias = banEastAsianTokens(parts.model);
    this.#pool = new SequencePool(Array.from({ length: facts.sequences }, () => parts.context.getSequence()));
  }

  /** Loads a model file. Throws what llama.cpp says when the file is no model or memory is short. */
  static async open(options: EmbeddedModelOptions): Promise<EmbeddedModel> {
    const startedAt = performance.now();
    const parts = await loadParts(options);
    const { model, context } = parts;
    return new EmbeddedModel(parts, {
      architecture: model.fileInfo.metadata.general?.architecture ?? 'unknown',
      contextLength: context.contextSize,
      sequences: options.sequences,
      vocabularySize: [...model.iterateAllTokens()].length,
      embeddingLength: model.embeddingVectorSize,
      layers: model.fileInsights.totalLayers,
      ...(model.fileInfo.metadata.tokenizer?.chat_template === undefined
        ? {}
        : { chatTemplate: model.fileInfo.metadata.tokenizer.chat_template }),
      loadMs: performance.now() - startedAt,
    });
  }

  /**
   * Generates once, beside up to `sequences` others; further calls wait for a sequence. Throws INVALID_REQUEST (schema or prompt
   * cannot be used) and the signal's reason.
   */
  async generate(request: GenerationRequest, watcher: GenerationWatcher): Promise<GenerationResult> {
    const prompt = preparePrompt(this.#model, this.#wrapper, request.input);
    const grammar = request.format === undefined ? undefined : await this.#grammarFor(request.format);
    const foreign =
      hasEastAsianText(JSON.stringify(request.input)) || hasEastAsianText(JSON.stringify(request.format ?? ''));
    const held = await this.#pool.acquire(prompt.tokens, watcher.signal);
    try {
      const bias = foreign ? undefined : this.#bias;
      return await generate({ ...watcher, prompt, request, grammar, bias, sequence: held.sequence });
    } finally {
      held.release();
    }
  }

  /** Sets how many threads the next batch uses. Costs nothing and holds until set again. */
  setThreads(threads: number): void {
    this.#llama.maxThreads = Math.max(1, threads);
  }

  /** Measures the speed with each sensible number of threads, in a context of its own; on a busy machine only with one. */
  async calibrate(cores: number, { evenIfBusy = false } = {}): Promise<readonly ThreadSpeed[]> {
    this.#llama.maxThreads = cores;
    const context = await this.#model.createContext({ contextSize: 512, batchSize, threads: { ideal: cores, min: 1 } });
    try {
      return await calibrate(
        { llama: this.#llama, model: this.#model, context },
        { candidates: threadCandidates(cores), evenIfBusy },
      );
    } finally {
      await context.dispose();
    }
  }

  async close(): Promise<void> {
    await this.#context.dispose();
    await this.#model.dispose();
    await this.#llama.dispose();
  }

  #grammarFor(format: NonNullable<GenerationRequest['format']>): Promise<LlamaGrammar> {
    const key = JSON.stringify(format);
    const known = this.#grammars.get(key);
    if (known !== undefined) return known;
    const made: Promise<LlamaGrammar> =
      format === 'json' ? this.#llama.getGrammarFor('json') : createSchemaGrammar(this.#llama, format);
    const oldest = this.#grammars.keys().next();
    if (this.#grammars.size >= rememberedGrammars && oldest.done !== true) this.#grammars.delete(oldest.value);
    this.#grammars.set(key, made);
    return made;
  }
}

interface Parts {
  readonly llama: Llama;
  readonly model: LlamaModel;
  readonly context: LlamaContext;
}

async function loadParts(options: EmbeddedModelOptions): Promise<Parts> {
  const { cores, logger, path, sequences } = options;
  const llama = await getLlama({
    gpu: false,
    build: 'never',
    skipDownload: true,
    maxThreads: cores,
    logLevel: LlamaLogLevel.warn,
    logger: (level, message) => logger.debug({ level }, message.trim()),
  });
  const model = await llama.loadModel({ modelPath: path, gpuLayers: 0 });
  const contextSize = Math.min(options.contextLength, model.trainContextSize);
  // `min: 1` lets `maxThreads` of the instance lower the number while it runs.
  const context = await model.createContext({ sequences, contextSize, batchSize, threads: { ideal: cores, min: 1 } });
  return { llama, model, context };
}
