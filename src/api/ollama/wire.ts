import { z } from 'zod';
import { WireError } from './wire-error.ts';

const Format = z.union([z.literal(''), z.literal('json'), z.record(z.string(), z.unknown()), z.null()]).optional();
const KeepAlive = z.union([z.number(), z.string()]).optional();
const Think = z.union([z.boolean(), z.enum(['low', 'medium', 'high', 'max'])]).optional();
const Options = z.record(z.string(), z.unknown()).nullish();
const Texts = z.array(z.string());

const common = {
  model: z.string().default(''),
  stream: z.boolean().default(true),
  format: Format,
  keep_alive: KeepAlive,
  options: Options,
  think: Think,
};

/** Body of `POST /api/chat`. */
export const ChatRequest = z.object({
  ...common,
  messages: z
    .array(
      z.object({
        role: z.string().transform((role) => role.toLowerCase()),
        content: z.string().default(''),
        images: Texts.nullish(),
      }),
    )
    .nullish(),
  tools: z.array(z.unknown()).nullish(),
});
export type ChatRequest = z.infer<typeof ChatRequest>;

/** Body of `POST /api/generate`. */
export const GenerateRequest = z.object({
  ...common,
  prompt: z.string().default(''),
  suffix: z.string().default(''),
  system: z.string().default(''),
  template: z.string().default(''),
  context: z.array(z.number()).nullish(),
  raw: z.boolean().default(false),
  images: Texts.nullish(),
});
export type GenerateRequest = z.infer<typeof GenerateRequest>;

/** Body of the routes that take a model's name only; `name` is the older field. */
export const NameRequest = z
  .object({ model: z.string().default(''), name: z.string().default(''), stream: z.boolean().default(true) })
  .transform(({ model, name, stream }) => ({ model: model || name, stream }));

/** Body of `POST /bigbox/yield`. */
export const YieldRequest = z.object({
  holder: z.string().min(1).max(100),
  milliseconds: z.number().int().min(0).max(600_000),
});

const kindOf = (value: unknown): string => {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
};

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>((value, key) => (value as Record<PropertyKey, unknown> | null | undefined)?.[key], root);

/** Reads a body. Throws a WireError (400) that names the field in the manner of Ollama. */
export function parseBody<TSchema extends z.ZodType>(schema: TSchema, body: unknown): z.output<TSchema> {
  if (body === undefined || body === null) throw new WireError(400, 'missing request body');
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue?.path ?? [];
  if (path[0] === 'think')
    throw new WireError(400, 'invalid think value: must be true, false, "high", "medium", "low" or "max"');
  throw new WireError(
    400,
    `json: cannot unmarshal ${kindOf(valueAt(body, path))} into field ${path.join('.') || 'of the request'}: ${issue?.message ?? 'wrong type'}`,
  );
}
