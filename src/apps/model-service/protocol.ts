import { z } from 'zod';
import { GenerationRequest, GenerationResult, LoadedModelFacts, ThreadSpeed } from '../../llm/embedded/index.ts';

/** What the HTTP process says to the process of llama.cpp. */
export const ToWorker = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('open'),
    path: z.string(),
    sequences: z.number().int().min(1),
    contextLength: z.number().int().min(256),
    cores: z.number().int().min(1),
    /** Speeds known from an earlier start; without them the worker measures. */
    speeds: z.array(ThreadSpeed).min(1).optional(),
  }),
  z.object({ type: z.literal('generate'), id: z.number().int(), request: GenerationRequest }),
  z.object({ type: z.literal('abort'), id: z.number().int() }),
  z.object({ type: z.literal('threads'), threads: z.number().int().min(1) }),
]);
export type ToWorker = z.infer<typeof ToWorker>;

/** What the process of llama.cpp says to the HTTP process. */
export const FromWorker = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('ready'),
    facts: LoadedModelFacts,
    speeds: z.array(ThreadSpeed),
    /** Whether the speeds were measured just now, and the cores that this process itself kept busy meanwhile. */
    measured: z.boolean(),
    ownBusyCores: z.number(),
  }),
  z.object({ type: z.literal('unusable'), message: z.string() }),
  z.object({ type: z.literal('text'), id: z.number().int(), text: z.string() }),
  z.object({ type: z.literal('end'), id: z.number().int(), result: GenerationResult }),
  z.object({
    type: z.literal('failed'),
    id: z.number().int(),
    /** `invalid`: the request cannot be served as it is; `aborted`: as was asked for; `fault`: anything else. */
    reason: z.enum(['invalid', 'aborted', 'fault']),
    message: z.string(),
  }),
  z.object({
    type: z.literal('speed'),
    /** Absent while a prompt is being read, or nothing is written. */
    tokensPerSecond: z.number().optional(),
    /** Cores that this process kept busy itself. */
    ownBusyCores: z.number(),
  }),
]);
export type FromWorker = z.infer<typeof FromWorker>;
