import { z } from 'zod';
import type { GenerationRequest, Message } from '../../llm/embedded/index.ts';
import { toSampling } from './options.ts';
import { WireError } from './wire-error.ts';

const Part = z.object({ type: z.string(), text: z.string().optional() });

/** Body of `POST /v1/chat/completions`. Unknown fields are ignored, as in Ollama. */
export const CompletionRequest = z.object({
  model: z.string().default(''),
  messages: z.array(z.object({ role: z.string(), content: z.union([z.string(), z.array(Part), z.null()]).optional() })),
  stream: z.boolean().nullish(),
  stream_options: z.object({ include_usage: z.boolean().nullish() }).nullish(),
  max_tokens: z.number().int().min(1).nullish(),
  max_completion_tokens: z.number().int().min(1).nullish(),
  temperature: z.number().nullish(),
  top_p: z.number().nullish(),
  seed: z.number().int().nullish(),
  stop: z.union([z.string(), z.array(z.string())]).nullish(),
  frequency_penalty: z.number().nullish(),
  presence_penalty: z.number().nullish(),
  response_format: z
    .discriminatedUnion('type', [
      z.object({ type: z.literal('text') }),
      z.object({ type: z.literal('json_object') }),
      z.object({
        type: z.literal('json_schema'),
        json_schema: z.object({ schema: z.record(z.string(), z.unknown()) }),
      }),
    ])
    .nullish(),
  tools: z.array(z.unknown()).nullish(),
});
export type CompletionRequest = z.infer<typeof CompletionRequest>;

type WrittenMessage = CompletionRequest['messages'][number];

const roles: Readonly<Record<string, Message['role']>> = {
  system: 'system',
  developer: 'system',
  user: 'user',
  assistant: 'assistant',
};

function toMessage({ role, content }: WrittenMessage, model: string): Message {
  const known = roles[role.toLowerCase()];
  if (known === undefined) throw new WireError(400, `${model} does not support messages of the role ${role}`);
  if (typeof content === 'string' || content === null || content === undefined)
    return { role: known, content: content ?? '' };
  const foreign = content.find((part) => part.type !== 'text');
  if (foreign !== undefined)
    throw new WireError(400, `${model} does not support ${foreign.type === 'image_url' ? 'vision' : foreign.type}`);
  return { role: known, content: content.map((part) => part.text ?? '').join('\n') };
}

function toFormat(format: CompletionRequest['response_format']): Pick<GenerationRequest, 'format'> {
  if (format?.type === 'json_object') return { format: 'json' };
  if (format?.type === 'json_schema') return { format: format.json_schema.schema };
  return {};
}

/** Turns a request of the OpenAI form into ours. Throws a WireError (400) for what the model cannot do. */
export function toGenerationRequest(asked: CompletionRequest, model: string): GenerationRequest {
  if (asked.messages.length === 0) throw new WireError(400, "[] is too short - 'messages'");
  if ((asked.tools ?? []).length > 0) throw new WireError(400, `${model} does not support tools`);
  const stop = typeof asked.stop === 'string' ? [asked.stop] : asked.stop;
  return {
    ...toSampling({
      temperature: asked.temperature ?? 1,
      top_p: asked.top_p ?? 1,
      num_predict: asked.max_completion_tokens ?? asked.max_tokens,
      seed: asked.seed,
      stop,
      frequency_penalty: asked.frequency_penalty,
      presence_penalty: asked.presence_penalty,
    }),
    ...toFormat(asked.response_format),
    input: { kind: 'chat', messages: asked.messages.map((message) => toMessage(message, model)) },
  };
}
