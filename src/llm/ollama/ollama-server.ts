import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { readErrorBody, toModelErrorCode } from '../model-errors.ts';
import { modelFetch } from '../transport.ts';

const Tags = z.object({ models: z.array(z.object({ name: z.string() })) });
const PullLine = z.object({ status: z.string().optional(), error: z.string().optional() });

/** Lists the names of the models that an Ollama server has. Throws MODEL_UNREACHABLE, MODEL_FAILED. */
export async function listOllamaModels(baseUrl: string, signal: AbortSignal): Promise<string[]> {
  const response = await modelFetch(`${baseUrl}/api/tags`, { signal });
  const body = await response.text();
  if (!response.ok) throw toFailure(`${baseUrl}/api/tags`, response.status, body);
  const tags = Tags.safeParse(parseJson(body));
  if (!tags.success) throw toFailure(`${baseUrl}/api/tags`, response.status, body);
  return tags.data.models.map((model) => model.name);
}

/** Has an Ollama server fetch a model. Throws MODEL_NOT_FOUND, MODEL_FAILED with the server's text, MODEL_UNREACHABLE. */
export async function pullOllamaModel(
  server: { readonly baseUrl: string; readonly name: string },
  signal: AbortSignal,
): Promise<void> {
  const url = `${server.baseUrl}/api/pull`;
  const response = await modelFetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ model: server.name, stream: true }),
    signal,
  });
  const body = await response.text();
  if (!response.ok) throw toFailure(url, response.status, body);
  const lines = body
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => PullLine.safeParse(parseJson(line)).data ?? {});
  const failed = lines.find((line) => line.error !== undefined);
  if (failed?.error !== undefined) throw toFailure(url, 500, JSON.stringify({ error: failed.error }));
  if (lines.at(-1)?.status !== 'success')
    throw toFailure(url, 500, JSON.stringify({ error: 'the download broke off' }));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

/* oxlint-disable-next-line max-params */
function toFailure(url: string, status: number, body: string): BigboxError {
  return new BigboxError(toModelErrorCode(status), {
    message: `${url} answered: ${readErrorBody(body) ?? `status ${status}, not in Ollama's form`}`,
    context: { address: url, status },
  });
}
