import { createOpenAICompatible } from '@ai-sdk/openai-compatible';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { readErrorBody, toModelErrorCode } from '../model-errors.ts';
import type { Model } from '../model.ts';
import { createProviderModel } from '../provider-model.ts';
import { modelFetch } from '../transport.ts';

export interface OpenAiCompatibleOptions {
  /** Address with or without `/v1`. */
  readonly baseUrl: string;
  readonly name: string;
  /** Sent as a bearer token, and nowhere else. */
  readonly apiKey?: string;
}

/** Creates a model behind OpenAI's chat completions protocol, with a JSON schema as `response_format`. */
export function createOpenAiCompatibleModel({ baseUrl, name, apiKey }: OpenAiCompatibleOptions): Model {
  const address = toApiAddress(baseUrl);
  const provider = createOpenAICompatible({
    name: 'openai-compatible',
    baseURL: address,
    fetch: modelFetch,
    includeUsage: true,
    supportsStructuredOutputs: true,
    ...(apiKey === undefined ? {} : { apiKey }),
  });
  return createProviderModel({ provider: 'openai-compatible', name, address, sdkModel: provider.chatModel(name) });
}

const ModelList = z.object({ data: z.array(z.object({ id: z.string() })) });

/** Lists the models of a server that speaks OpenAI's protocol. Throws MODEL_UNREACHABLE, MODEL_FAILED. */
export async function listOpenAiModels(
  server: { readonly baseUrl: string; readonly apiKey?: string },
  signal: AbortSignal,
): Promise<string[]> {
  const url = `${toApiAddress(server.baseUrl)}/models`;
  const headers = server.apiKey === undefined ? {} : { authorization: `Bearer ${server.apiKey}` };
  const response = await modelFetch(url, { headers, signal });
  const body = await response.text();
  const list = response.ok ? ModelList.safeParse(safeParse(body)) : undefined;
  if (list?.success === true) return list.data.data.map((model) => model.id);
  throw new BigboxError(response.ok ? 'MODEL_FAILED' : toModelErrorCode(response.status), {
    message: `${url} answered: ${readErrorBody(body) ?? `status ${response.status}, not a list of models`}`,
    context: { address: url, status: response.status },
  });
}

function toApiAddress(baseUrl: string): string {
  const trimmed = baseUrl.replace(/\/+$/, '');
  return new URL(trimmed).pathname === '/' ? `${trimmed}/v1` : trimmed;
}

function safeParse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
