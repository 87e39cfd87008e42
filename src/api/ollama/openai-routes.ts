import type { FastifyReply } from 'fastify';
import { type HttpServer, requestSignal } from '../../http/index.ts';
import type { GenerationEvent } from '../../llm/embedded/index.ts';
import { requireModel } from './model-lookup.ts';
import type { InstalledModel, ModelServer } from './model-server.ts';
import { CompletionRequest, toGenerationRequest } from './openai-wire.ts';
import { type StreamForm, sendStream } from './stream.ts';
import { parseBody } from './wire.ts';
import { toOpenAiError } from './wire-error.ts';

type End = Extract<GenerationEvent, { type: 'end' }>;

const open = { config: { open: true } };
const seconds = (date: Date): number => Math.floor(date.getTime() / 1000);
const createId = (): string => `chatcmpl-${crypto.randomUUID().replaceAll('-', '').slice(0, 24)}`;

const toUsage = (end: End): unknown => ({
  prompt_tokens: end.promptTokens,
  completion_tokens: end.outputTokens,
  total_tokens: end.promptTokens + end.outputTokens,
});

const toModel = ({ model, modifiedAt }: InstalledModel): unknown => ({
  id: model.name,
  object: 'model',
  created: seconds(modifiedAt),
  owned_by: 'library',
});

/** Server-sent events. A client takes an end without `[DONE]` as a failure; the error comes before it. */
const events: StreamForm = {
  contentType: 'text/event-stream',
  onError: (error) => `data: ${JSON.stringify(toOpenAiError(error))}\n\n`,
};

interface Envelope {
  readonly id: string;
  readonly created: number;
  readonly model: string;
  readonly system_fingerprint: string;
}

const createEnvelope = (model: string): Envelope => ({
  id: createId(),
  created: seconds(new Date()),
  model,
  system_fingerprint: 'fp_ollama',
});

async function* toChunks(
  generation: AsyncIterable<GenerationEvent>,
  model: string,
  includeUsage: boolean,
): AsyncGenerator<string, void> {
  const envelope = { ...createEnvelope(model), object: 'chat.completion.chunk' };
  const write = (part: object): string => `data: ${JSON.stringify({ ...envelope, ...part })}\n\n`;
  let role: { readonly role?: string } = { role: 'assistant' };
  for await (const event of generation) {
    if (event.type === 'text') {
      yield write({ choices: [{ index: 0, delta: { ...role, content: event.text }, finish_reason: null }] });
      role = {};
      continue;
    }
    yield write({ choices: [{ index: 0, delta: role, finish_reason: event.stopReason }] });
    if (includeUsage) yield write({ choices: [], usage: toUsage(event) });
  }
  yield 'data: [DONE]\n\n';
}

async function toWhole(generation: AsyncIterable<GenerationEvent>, model: string): Promise<unknown> {
  let content = '';
  let end: End | undefined;
  for await (const event of generation) {
    if (event.type === 'text') content += event.text;
    else end = event;
  }
  if (end === undefined) throw new Error('The generation has no end.');
  const message = { role: 'assistant', content };
  return {
    ...createEnvelope(model),
    object: 'chat.completion',
    choices: [{ index: 0, message, finish_reason: end.stopReason }],
    usage: toUsage(end),
  };
}

async function complete(server: ModelServer, body: unknown, reply: FastifyReply): Promise<unknown> {
  const asked = parseBody(CompletionRequest, body);
  const installed = await requireModel(server, asked.model);
  const request = toGenerationRequest(asked, installed.model.name);
  const generation = server.generate(installed, request, requestSignal(reply));
  if (asked.stream !== true) return toWhole(generation, asked.model);
  const includeUsage = asked.stream_options?.include_usage === true;
  return sendStream(reply, toChunks(generation, asked.model, includeUsage), events);
}

/** Adds `/v1/models` and `/v1/chat/completions`, the OpenAI layer of Ollama. */
export function addOpenAiRoutes(app: HttpServer, server: ModelServer): void {
  app.get('/v1/models', open, async () => ({ object: 'list', data: (await server.installed()).map(toModel) }));
  app.get('/v1/models/:model', open, async (request) =>
    toModel(await requireModel(server, (request.params as { readonly model: string }).model)),
  );
  app.post('/v1/chat/completions', open, (request, reply) => complete(server, request.body, reply));
}
