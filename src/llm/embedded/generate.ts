import {
  type ChatHistoryItem,
  type ChatWrapper,
  LlamaChat,
  type LLamaChatGenerateResponseOptions,
  type LlamaContextSequence,
  type LlamaGrammar,
  type LlamaModel,
  type Token,
  type TokenBias,
} from 'node-llama-cpp';
import { BigboxError } from '../../contracts/errors.ts';
import type { GenerationRequest, GenerationResult, Message } from './types.ts';
import { RawPromptWrapper } from './raw-prompt.ts';

/** A request made ready for the model: the tokens it has to read and the way they were written. */
export interface PreparedPrompt {
  readonly history: ChatHistoryItem[];
  readonly wrapper: ChatWrapper;
  readonly tokens: readonly Token[];
}

export interface GenerateOptions {
  readonly prompt: PreparedPrompt;
  readonly request: GenerationRequest;
  readonly sequence: LlamaContextSequence;
  readonly grammar: LlamaGrammar | undefined;
  readonly bias: TokenBias | undefined;
  /** Told each piece of text, with the number of tokens that it is made of. */
  readonly onText: (text: string) => void;
  readonly onTokens: (count: number) => void;
  readonly signal: AbortSignal;
}

const promptChunk = 64;

function toHistoryItem({ role, content }: Message): ChatHistoryItem {
  if (role === 'system') return { type: 'system', text: content };
  if (role === 'user') return { type: 'user', text: content };
  return { type: 'model', response: [content] };
}

/** Writes the request with the model's chat template and counts its tokens. */
export function preparePrompt(
  model: LlamaModel,
  wrapper: ChatWrapper,
  input: GenerationRequest['input'],
): PreparedPrompt {
  const used = input.kind === 'raw' ? new RawPromptWrapper() : wrapper;
  const written: ChatHistoryItem[] =
    input.kind === 'raw' ? [{ type: 'user', text: input.prompt }] : input.messages.map(toHistoryItem);
  const history: ChatHistoryItem[] = [...written, { type: 'model', response: [] }];
  const { contextText } = used.generateContextState({ chatHistory: history });
  return { history, wrapper: used, tokens: contextText.tokenize(model.tokenizer) };
}

/**
 * Evaluates the prompt in small pieces, all but its last token, so that an abort waits for one piece only and other sequences
 * get their turn. The generation that follows finds the tokens in the sequence.
 */
async function readPrompt({ prompt, sequence, signal }: GenerateOptions): Promise<void> {
  const wanted = prompt.tokens.slice(0, -1);
  await sequence.adaptStateToTokens(wanted, false);
  for (let at = sequence.nextTokenIndex; at < wanted.length; at += promptChunk) {
    signal.throwIfAborted();
    await sequence.evaluateWithoutGeneratingNewTokens(wanted.slice(at, at + promptChunk));
  }
  signal.throwIfAborted();
}

function toSampling({ request, grammar, bias }: GenerateOptions): LLamaChatGenerateResponseOptions {
  const lastTokens = request.repeatLastTokens === -1 ? 4096 : request.repeatLastTokens;
  const penalized = request.repeatPenalty !== 1 || request.frequencyPenalty !== 0 || request.presencePenalty !== 0;
  return {
    temperature: request.temperature,
    topP: request.topP,
    topK: request.topK,
    minP: request.minP,
    customStopTriggers: request.stop,
    repeatPenalty:
      penalized && lastTokens > 0
        ? {
            lastTokens,
            penalty: request.repeatPenalty,
            frequencyPenalty: request.frequencyPenalty,
            presencePenalty: request.presencePenalty,
            penalizeNewLine: true,
          }
        : false,
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(grammar === undefined ? {} : { grammar }),
    ...(bias === undefined ? {} : { tokenBias: bias }),
  };
}

/** Room for the answer. Throws INVALID_REQUEST when the prompt leaves none. */
function roomFor({ prompt, request, sequence }: GenerateOptions): number {
  const room = sequence.contextSize - prompt.tokens.length - 1;
  if (room < 1)
    throw new BigboxError('INVALID_REQUEST', {
      message: `the input length exceeds the context length: ${prompt.tokens.length} tokens, but there is room for ${sequence.contextSize}`,
      context: { tokens: prompt.tokens.length, context_length: sequence.contextSize },
    });
  return request.maxTokens === -1 ? room : Math.min(room, Math.max(1, request.maxTokens));
}

/**
 * Runs one generation on a sequence that the caller holds. Throws INVALID_REQUEST (the prompt does not fit) and the signal's
 * reason when aborted, at the latest after the piece that is being evaluated.
 */
export async function generate(options: GenerateOptions): Promise<GenerationResult> {
  const { prompt, sequence, signal } = options;
  const maxTokens = roomFor(options);
  const startedAt = performance.now();
  await readPrompt(options);
  const chat = new LlamaChat({ contextSequence: sequence, chatWrapper: prompt.wrapper, autoDisposeSequence: false });
  let outputTokens = 0;
  let firstAt: number | undefined;
  try {
    const { metadata } = await chat.generateResponse(prompt.history, {
      ...toSampling(options),
      maxTokens,
      signal,
      onTextChunk: options.onText,
      onToken(tokens) {
        firstAt ??= performance.now();
        outputTokens += tokens.length;
        options.onTokens(tokens.length);
      },
    } as LLamaChatGenerateResponseOptions);
    const endedAt = performance.now();
    return {
      stopReason: metadata.stopReason === 'maxTokens' ? 'length' : 'stop',
      promptTokens: prompt.tokens.length,
      outputTokens,
      promptMs: (firstAt ?? endedAt) - startedAt,
      outputMs: endedAt - (firstAt ?? endedAt),
    };
  } finally {
    chat.dispose({ disposeSequence: false });
  }
}
