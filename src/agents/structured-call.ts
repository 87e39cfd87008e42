import { z } from 'zod';
import type { TokenUsage } from '../contracts/analysis.ts';
import { BigboxError } from '../contracts/errors.ts';
import type { Model, ModelRequest } from '../contracts/ports.ts';
import { type LiveField, LiveText } from './live-text.ts';

/** What a call of an agent costs. */
export interface CallCost {
  readonly usage: TokenUsage;
  readonly durationMs: number;
}

/** A piece of readable text while an answer is being written. */
export interface AgentDelta {
  readonly type: 'text-delta';
  readonly text: string;
}

/** A model call whose answer is JSON of one shape. */
export interface StructuredCall<TAnswer> {
  readonly model: Model;
  readonly request: Omit<ModelRequest, 'schema'>;
  /** The shape; it goes to the model as JSON Schema and checks what comes back. */
  readonly shape: z.ZodType<TAnswer>;
  readonly fields: Readonly<Record<string, LiveField>>;
}

/**
 * Makes one model call and yields readable text while the JSON comes; returns the parsed answer and its cost.
 * Throws what the model throws, and ANSWER_UNUSABLE when the answer is not JSON of the shape.
 */
export async function* callForStructure<TAnswer>(
  call: StructuredCall<TAnswer>,
): AsyncGenerator<AgentDelta, { readonly answer: TAnswer; readonly cost: CallCost }> {
  let live = new LiveText(call.fields);
  for await (const event of call.model.generate({ ...call.request, schema: toModelSchema(call.shape) })) {
    if (event.type === 'restarted') {
      live = new LiveText(call.fields);
      yield { type: 'text-delta', text: `\n\n(${event.reason}; it begins anew)\n\n` };
    } else if (event.type === 'text-delta') {
      const text = live.push(event.text);
      if (text !== '') yield { type: 'text-delta', text };
    } else {
      const { usage, durationMs } = event;
      const cost = { usage: { input: usage.inputTokens, output: usage.outputTokens }, durationMs };
      return { answer: parseAnswer(call, event.text), cost };
    }
  }
  throw new BigboxError('MODEL_FAILED', { message: `${call.model.name} ended its answer without a finish.` });
}

/** The JSON Schema without what grammars do not know. */
function toModelSchema(shape: z.ZodType): Readonly<Record<string, unknown>> {
  const { $schema: _, ...schema } = z.toJSONSchema(shape, { io: 'input' });
  return schema;
}

function parseAnswer<TAnswer>(call: StructuredCall<TAnswer>, text: string): TAnswer {
  const parsed = call.shape.safeParse(parseJson(text));
  if (parsed.success) return parsed.data;
  throw new BigboxError('ANSWER_UNUSABLE', {
    message: `${call.model.name} did not answer in the form that was asked for: ${z.prettifyError(parsed.error).slice(0, 300)}`,
    context: { model: call.model.name, begins_with: text.slice(0, 200) },
  });
}

/** Models without grammars wrap JSON in a fence or in words. */
function parseJson(text: string): unknown {
  const from = text.indexOf('{');
  const to = text.lastIndexOf('}');
  try {
    return JSON.parse(text.slice(from, to + 1)) as unknown;
  } catch {
    return undefined;
  }
}
