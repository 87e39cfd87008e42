import type { FastifyReply } from 'fastify';
import { type HttpServer, requestSignal } from '../../http/index.ts';
import type { GenerationEvent, GenerationRequest, Message } from '../../llm/embedded/index.ts';
import { keepsNothing, requireModel } from './model-lookup.ts';
import type { InstalledModel, ModelServer } from './model-server.ts';
import { toSampling } from './options.ts';
import { ndjson, sendStream, toLines } from './stream.ts';
import { ChatRequest, GenerateRequest, parseBody } from './wire.ts';
import { WireError } from './wire-error.ts';

type Piece = Readonly<Record<string, unknown>>;
/** Where a piece of text stands in an answer: `response` of generate, `message` of chat. */
type PlaceText = (text: string) => Piece;

const nanoseconds = (ms: number): number => Math.round(ms * 1e6);
const now = (): string => new Date().toISOString();
const inChat: PlaceText = (text) => ({ message: { role: 'assistant', content: text } });
const inGenerate: PlaceText = (text) => ({ response: text });

function toFinalPiece(end: Extract<GenerationEvent, { type: 'end' }>, startedAt: number): Piece {
  const total = performance.now() - startedAt;
  return {
    done: true,
    done_reason: end.stopReason,
    total_duration: nanoseconds(total),
    // As in Ollama, the time until the model is there for this call.
    load_duration: nanoseconds(Math.max(0, total - end.promptMs - end.outputMs)),
    prompt_eval_count: end.promptTokens,
    prompt_eval_duration: nanoseconds(end.promptMs),
    eval_count: end.outputTokens,
    eval_duration: nanoseconds(end.outputMs),
  };
}

interface Answer {
  readonly model: string;
  readonly events: AsyncIterable<GenerationEvent>;
  readonly place: PlaceText;
  readonly stream: boolean;
}

async function* toPieces({ model, events, place }: Answer): AsyncGenerator<Piece, void> {
  const startedAt = performance.now();
  for await (const event of events) {
    if (event.type === 'text') yield { model, created_at: now(), ...place(event.text), done: false };
    else yield { model, created_at: now(), ...place(''), ...toFinalPiece(event, startedAt) };
  }
}

async function toWhole({ model, events, place }: Answer): Promise<Piece> {
  let text = '';
  const startedAt = performance.now();
  for await (const event of events) {
    if (event.type === 'text') text += event.text;
    else return { model, created_at: now(), ...place(text), ...toFinalPiece(event, startedAt) };
  }
  throw new Error('The generation has no end.');
}

async function answer(reply: FastifyReply, asked: Answer): Promise<unknown> {
  if (asked.stream) return sendStream(reply, toLines(toPieces(asked)), ndjson);
  return reply.type('application/json; charset=utf-8').send(await toWhole(asked));
}

/** A request without text loads the model, or with `keep_alive: 0` frees its memory. */
async function loadOnly(
  server: ModelServer,
  installed: InstalledModel,
  asked: {
    readonly model: string;
    readonly keepAlive: number | string | undefined;
    readonly place: PlaceText;
    readonly signal: AbortSignal;
  },
): Promise<Piece> {
  const unload = keepsNothing(asked.keepAlive);
  if (unload) await server.unload(installed, asked.signal);
  else await server.load(installed, asked.signal);
  return {
    model: asked.model,
    created_at: now(),
    ...asked.place(''),
    done: true,
    done_reason: unload ? 'unload' : 'load',
  };
}

const toFormat = (format: ChatRequest['format']): Pick<GenerationRequest, 'format'> =>
  format === undefined || format === null || format === '' ? {} : { format };

function refuseUnsupported(
  name: string,
  asked: { readonly tools?: unknown; readonly images?: unknown; readonly suffix?: string; readonly think?: unknown },
): void {
  const has = (value: unknown): boolean => Array.isArray(value) && value.length > 0;
  if (has(asked.tools)) throw new WireError(400, `${name} does not support tools`);
  if (has(asked.images)) throw new WireError(400, `${name} does not support vision`);
  if (asked.suffix) throw new WireError(400, `${name} does not support insert`);
  if (asked.think !== undefined && asked.think !== false)
    throw new WireError(400, `"${name}" does not support thinking`);
}

const roles = ['system', 'user', 'assistant'] as const;

function toMessages(name: string, written: NonNullable<ChatRequest['messages']>): Message[] {
  return written.map(({ role, content }) => {
    const known = roles.find((candidate) => candidate === role);
    if (known !== undefined) return { role: known, content };
    if (role === 'tool') throw new WireError(400, `${name} does not support tools`);
    throw new WireError(400, `invalid role "${role}": expected system, user or assistant`);
  });
}

async function chat(server: ModelServer, body: unknown, reply: FastifyReply): Promise<unknown> {
  const asked = parseBody(ChatRequest, body);
  if (asked.model === '') throw new WireError(400, 'model is required');
  const installed = await requireModel(server, asked.model);
  const { name } = installed.model;
  const written = asked.messages ?? [];
  refuseUnsupported(name, {
    tools: asked.tools,
    think: asked.think,
    images: written.flatMap(({ images }) => images ?? []),
  });
  const signal = requestSignal(reply);
  const { model, keep_alive: keepAlive, stream } = asked;
  if (written.length === 0) return loadOnly(server, installed, { model, keepAlive, place: inChat, signal });
  const request: GenerationRequest = {
    ...toSampling(asked.options),
    ...toFormat(asked.format),
    input: { kind: 'chat', messages: toMessages(name, written) },
  };
  return answer(reply, { model, events: server.generate(installed, request, signal), place: inChat, stream });
}

function toGenerateInput(asked: GenerateRequest): GenerationRequest['input'] {
  if (asked.raw) {
    if (asked.template !== '' || asked.system !== '' || (asked.context ?? []).length > 0)
      throw new WireError(400, 'raw mode does not support template, system, or context');
    return { kind: 'raw', prompt: asked.prompt };
  }
  if (asked.template !== '') throw new WireError(400, 'a template of the request is not supported: use raw mode');
  const system: Message[] = asked.system === '' ? [] : [{ role: 'system', content: asked.system }];
  return { kind: 'chat', messages: [...system, { role: 'user', content: asked.prompt }] };
}

async function generate(server: ModelServer, body: unknown, reply: FastifyReply): Promise<unknown> {
  const asked = parseBody(GenerateRequest, body);
  const installed = await requireModel(server, asked.model);
  refuseUnsupported(installed.model.name, { images: asked.images, suffix: asked.suffix, think: asked.think });
  const input = toGenerateInput(asked);
  const signal = requestSignal(reply);
  const { model, keep_alive: keepAlive, stream } = asked;
  if (asked.prompt === '') return loadOnly(server, installed, { model, keepAlive, place: inGenerate, signal });
  const request: GenerationRequest = { ...toSampling(asked.options), ...toFormat(asked.format), input };
  return answer(reply, { model, events: server.generate(installed, request, signal), place: inGenerate, stream });
}

/** Adds `/api/chat` and `/api/generate`. */
export function addGenerationRoutes(app: HttpServer, server: ModelServer): void {
  const config = { open: true };
  app.post('/api/chat', { config }, (request, reply) => chat(server, request.body, reply));
  app.post('/api/generate', { config }, (request, reply) => generate(server, request.body, reply));
}
