import type { OllamaProvider } from 'ollama-ai-provider-v2';
import { BigboxError } from '../contracts/errors.ts';
import { abortable } from '../lib/async.ts';
import { toModelError } from './model-errors.ts';
import type { ModelExample } from '../contracts/ports.ts';
import type { Model, ModelEvent, ModelRequest } from './model.ts';

/** A language model as the AI SDK's providers offer it. */
export type SdkModel = ReturnType<OllamaProvider['languageModel']>;
type SdkCall = Parameters<SdkModel['doStream']>[0];
type SdkPart = Awaited<ReturnType<SdkModel['doStream']>>['stream'] extends ReadableStream<infer TPart> ? TPart : never;

export interface ProviderModelOptions {
  readonly provider: string;
  readonly name: string;
  readonly address: string;
  readonly sdkModel: SdkModel;
  /** What this provider needs beside the common settings. */
  toSettings?(request: ModelRequest): Partial<SdkCall>;
}

/**
 * Creates a Model over a provider of the AI SDK. It drives the provider's stream itself: `streamText` would parse the growing
 * JSON anew at every delta and repeat failed calls, which only workflows may do.
 */
export function createProviderModel(options: ProviderModelOptions): Model {
  return {
    provider: options.provider,
    name: options.name,
    generate: (request) => generate(options, request),
  };
}

/** One call, and one more with twice the room where a schema's answer was cut. */
async function* generate(options: ProviderModelOptions, request: ModelRequest): AsyncGenerator<ModelEvent, void> {
  for (const room of [request.maxOutputTokens, request.maxOutputTokens * 2]) {
    let cut = false;
    for await (const event of generateOnce(options, { ...request, maxOutputTokens: room })) {
      cut = event.type === 'finish' && event.stopReason === 'length' && request.schema !== undefined;
      if (!cut) yield event;
    }
    if (!cut) return;
    if (room === request.maxOutputTokens)
      yield { type: 'restarted', reason: `the answer did not fit into ${room} tokens` };
  }
  throw new BigboxError('MODEL_OUTPUT_CUT', {
    message: `${options.name} did not finish its answer within ${request.maxOutputTokens * 2} tokens.`,
    context: { model: options.name, max_output_tokens: request.maxOutputTokens * 2 },
  });
}

/** What has come so far of one call. */
interface Progress {
  text: string;
  firstTokenMs: number | undefined;
  readonly startedAt: number;
  finish: Extract<SdkPart, { type: 'finish' }> | undefined;
}

async function* generateOnce(options: ProviderModelOptions, request: ModelRequest): AsyncGenerator<ModelEvent, void> {
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const progress: Progress = { text: '', firstTokenMs: undefined, startedAt: performance.now(), finish: undefined };
  try {
    signal.throwIfAborted();
    const { stream } = await abortable(
      Promise.resolve(options.sdkModel.doStream(toCall(options, request, signal))),
      signal,
    );
    const reader = stream.getReader();
    for (;;) {
      const { done, value } = await abortable(reader.read(), signal);
      if (done) break;
      const text = take(value, progress);
      if (text !== '') yield { type: 'text-delta', text };
    }
    yield toFinish(options, progress);
  } catch (error) {
    request.signal.throwIfAborted();
    throw toModelError(error, { model: options.name, address: options.address });
  } finally {
    stop.abort(new DOMException('The caller stopped reading.', 'AbortError'));
  }
}

/* oxlint-disable-next-line max-params */
function toCall(options: ProviderModelOptions, request: ModelRequest, signal: AbortSignal): SdkCall {
  return {
    prompt: [
      { role: 'system', content: request.system },
      ...(request.example === undefined ? [] : toTurns(request.example)),
      { role: 'user', content: [{ type: 'text', text: request.prompt }] },
    ],
    maxOutputTokens: request.maxOutputTokens,
    abortSignal: signal,
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
    ...(request.schema === undefined ? {} : { responseFormat: { type: 'json', schema: request.schema } }),
    ...options.toSettings?.(request),
  };
}

const toTurns = ({ prompt, answer }: ModelExample): SdkCall['prompt'] => [
  { role: 'user', content: [{ type: 'text', text: prompt }] },
  { role: 'assistant', content: [{ type: 'text', text: answer }] },
];

/** Notes one part of the stream and gives the text that it carries. Thinking and tool calls that nobody offered carry none. */
function take(part: SdkPart, progress: Progress): string {
  if (part.type === 'error') throw part.error;
  if (part.type === 'finish') progress.finish = part;
  if (part.type !== 'text-delta' || part.delta === '') return '';
  progress.firstTokenMs ??= performance.now() - progress.startedAt;
  progress.text += part.delta;
  return part.delta;
}

/** The providers report a stream that merely ended as finished; only a reason given by the server counts as an end. */
function toFinish(options: ProviderModelOptions, progress: Progress): ModelEvent {
  const { finish } = progress;
  const reason = finish?.finishReason;
  if (finish === undefined || reason === undefined || (reason.unified !== 'stop' && reason.unified !== 'length'))
    throw new BigboxError('MODEL_FAILED', {
      message:
        reason?.raw === undefined
          ? `The answer of ${options.name} broke off: the stream ended without its closing message.`
          : `The answer of ${options.name} ended with "${reason.raw}" where "stop" or "length" was expected.`,
      context: { model: options.name, address: options.address, received_characters: progress.text.length },
    });
  const durationMs = performance.now() - progress.startedAt;
  return {
    type: 'finish',
    text: progress.text,
    stopReason: reason.unified,
    usage: { inputTokens: finish.usage.inputTokens.total ?? 0, outputTokens: finish.usage.outputTokens.total ?? 0 },
    firstTokenMs: progress.firstTokenMs ?? durationMs,
    durationMs,
  };
}
