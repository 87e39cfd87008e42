import { createOllama } from 'ollama-ai-provider-v2';
import type { Model, ModelRequest } from '../model.ts';
import { createProviderModel } from '../provider-model.ts';
import { fetchCheckedLines } from './checked-lines.ts';

export interface OllamaModelOptions {
  /** Address of the server without path, `http://127.0.0.1:11434`. */
  readonly baseUrl: string;
  readonly name: string;
}

const contextSizes = [4096, 8192, 16_384, 32_768, 65_536, 131_072];

/** Creates the model of an Ollama server, or of one that speaks its API, over `/api/chat`. */
export function createOllamaModel({ baseUrl, name }: OllamaModelOptions): Model {
  const address = baseUrl.replace(/\/+$/, '');
  const sdkModel = createOllama({ baseURL: `${address}/api`, fetch: fetchCheckedLines })(name);
  return createProviderModel({
    provider: 'ollama',
    name,
    address,
    sdkModel,
    toSettings: (request) => ({ providerOptions: { ollama: { options: toOllamaOptions(request) } } }),
  });
}

/** Ollama reads these in `options` only; the provider writes the SDK's own settings beside them, where nobody looks. */
function toOllamaOptions(request: ModelRequest): Record<string, number> {
  return {
    num_predict: request.maxOutputTokens,
    num_ctx: chooseContextSize(request),
    top_p: 0.9,
    repeat_penalty: 1.12,
    repeat_last_n: 64,
    ...(request.temperature === undefined ? {} : { temperature: request.temperature }),
    ...(request.seed === undefined ? {} : { seed: request.seed }),
  };
}

/**
 * Room for prompt and answer, at three bytes a token, which overestimates English and holds for other scripts. In coarse
 * steps, since Ollama loads the model anew when the size changes.
 */
function chooseContextSize(request: ModelRequest): number {
  const promptTokens = Math.ceil((Buffer.byteLength(request.system) + Buffer.byteLength(request.prompt)) / 3);
  const needed = promptTokens + request.maxOutputTokens + 256;
  return contextSizes.find((size) => size >= needed) ?? 131_072;
}
