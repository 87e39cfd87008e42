import { z } from 'zod';

const Message = z.object({ role: z.enum(['system', 'user', 'assistant']), content: z.string() });
export type Message = z.infer<typeof Message>;

/** What one generation is asked for. Crosses the border between the model service's two processes as JSON. */
export const GenerationRequest = z.object({
  input: z.discriminatedUnion('kind', [
    z.object({ kind: z.literal('chat'), messages: z.array(Message).min(1) }),
    z.object({ kind: z.literal('raw'), prompt: z.string() }),
  ]),
  /** `json` allows any JSON; an object is a JSON schema that the text obeys, kept by a grammar. */
  format: z.union([z.literal('json'), z.record(z.string(), z.unknown())]).optional(),
  /** -1: until the model ends or its context is full. */
  maxTokens: z.number().int().min(-1),
  temperature: z.number().min(0),
  topP: z.number().min(0).max(1),
  topK: z.number().int().min(0),
  minP: z.number().min(0).max(1),
  repeatPenalty: z.number().positive(),
  /** Tokens that the repeat penalty looks back; -1: all of the context. */
  repeatLastTokens: z.number().int().min(-1),
  frequencyPenalty: z.number(),
  presencePenalty: z.number(),
  seed: z.number().int().optional(),
  stop: z.array(z.string().min(1)),
});
export type GenerationRequest = z.infer<typeof GenerationRequest>;

/** How a generation ended. Durations in milliseconds, measured where it ran. */
export const GenerationResult = z.object({
  stopReason: z.enum(['stop', 'length']),
  promptTokens: z.number().int(),
  outputTokens: z.number().int(),
  promptMs: z.number(),
  outputMs: z.number(),
});
export type GenerationResult = z.infer<typeof GenerationResult>;

/** What a generation yields: pieces of text, then exactly one end. */
export type GenerationEvent =
  | { readonly type: 'text'; readonly text: string }
  | ({ readonly type: 'end' } & GenerationResult);

/** Speeds with one number of threads, in tokens per second of one sequence. */
export const ThreadSpeed = z.object({
  threads: z.number().int().min(1),
  promptTokensPerSecond: z.number(),
  outputTokensPerSecond: z.number(),
});
export type ThreadSpeed = z.infer<typeof ThreadSpeed>;

/** Facts about a loaded model. */
export const LoadedModelFacts = z.object({
  architecture: z.string(),
  contextLength: z.number().int(),
  sequences: z.number().int(),
  vocabularySize: z.number().int(),
  embeddingLength: z.number().int(),
  layers: z.number().int(),
  chatTemplate: z.string().optional(),
  loadMs: z.number(),
});
export type LoadedModelFacts = z.infer<typeof LoadedModelFacts>;
