import type { GenerationRequest } from '../../llm/embedded/index.ts';
import { WireError } from './wire-error.ts';

type Sampling = Omit<GenerationRequest, 'input' | 'format'>;
type Kind = 'integer' | 'float32' | 'array';

/** The options that are honoured, with the type that Ollama names in its errors. Unknown options are ignored, as there. */
const kinds: Readonly<Record<string, Kind>> = {
  num_predict: 'integer',
  num_ctx: 'integer',
  top_k: 'integer',
  repeat_last_n: 'integer',
  seed: 'integer',
  temperature: 'float32',
  top_p: 'float32',
  min_p: 'float32',
  repeat_penalty: 'float32',
  presence_penalty: 'float32',
  frequency_penalty: 'float32',
  stop: 'array',
};

const isOfKind = (value: unknown, kind: Kind): boolean => {
  if (kind === 'array') return Array.isArray(value) && value.every((item) => typeof item === 'string');
  return typeof value === 'number' && (kind === 'float32' || Number.isInteger(value));
};

const clamp = (value: number): number => Math.min(1, Math.max(0, value));

/** Reads the options of a request over Ollama's defaults. Throws a WireError (400) when one has the wrong type. */
export function toSampling(written: Readonly<Record<string, unknown>> | null | undefined): Sampling {
  const options = Object.fromEntries(
    Object.entries(written ?? {}).filter(([, value]) => value !== null && value !== undefined),
  );
  for (const [name, kind] of Object.entries(kinds)) {
    const value = options[name];
    if (value !== undefined && !isOfKind(value, kind))
      throw new WireError(400, `option "${name}" must be of type ${kind}`);
  }
  const number = (name: string, fallback: number): number => {
    const value = options[name];
    return typeof value === 'number' ? value : fallback;
  };
  const seed = number('seed', -1);
  const stop = Array.isArray(options['stop']) ? (options['stop'] as readonly string[]) : [];
  return {
    maxTokens: Math.max(-1, number('num_predict', -1)),
    temperature: Math.max(0, number('temperature', 0.8)),
    topK: Math.max(0, number('top_k', 40)),
    topP: clamp(number('top_p', 0.9)),
    minP: clamp(number('min_p', 0)),
    repeatPenalty: Math.max(0.01, number('repeat_penalty', 1)),
    repeatLastTokens: Math.max(-1, number('repeat_last_n', 64)),
    presencePenalty: number('presence_penalty', 0),
    frequencyPenalty: number('frequency_penalty', 0),
    stop: stop.filter((text) => text !== ''),
    ...(seed < 0 ? {} : { seed }),
  };
}
