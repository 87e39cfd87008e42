import { request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { BigboxError } from '../contracts/errors.ts';

const unreachableCodes = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'EHOSTDOWN',
  'ENOENT',
  'EACCES',
]);

/**
 * `fetch` for model servers, over node:http. The global one gives up after 300 s without a header or a body byte, which a
 * queued call on a small machine exceeds, and may reuse a connection that a restarted server has closed; this one waits until
 * the signal aborts and opens a connection for each call. Follows no redirect, so that a key never travels to another host.
 * Throws MODEL_UNREACHABLE, MODEL_FAILED, and the signal's reason when aborted.
 */
export async function modelFetch(input: string | URL | Request, init: RequestInit = {}): Promise<Response> {
  const url = new URL(input instanceof Request ? input.url : input);
  const message = await send(url, init);
  const headers = new Headers();
  for (const [name, value] of Object.entries(message.headers))
    if (value !== undefined) headers.set(name, String(value));
  const hasBody = message.statusCode !== 204 && message.statusCode !== 304;
  const body = hasBody ? (Readable.toWeb(message) as unknown as ReadableStream<Uint8Array>) : null;
  return new Response(body, { status: message.statusCode ?? 500, headers });
}

function send(url: URL, init: RequestInit): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>();
  const open = url.protocol === 'https:' ? httpsRequest : httpRequest;
  const { signal } = init;
  const outgoing = open(url, {
    method: init.method ?? 'GET',
    headers: Object.fromEntries(new Headers(init.headers)),
    agent: false,
    ...(signal ? { signal } : {}),
  });
  outgoing.on('response', resolve);
  outgoing.on('error', (error) => reject(signal?.aborted ? (signal.reason as Error) : toConnectionError(url, error)));
  outgoing.end(init.body as string | undefined);
  return promise;
}

function toConnectionError(url: URL, error: Error): BigboxError {
  const code = 'code' in error && typeof error.code === 'string' ? error.code : error.message;
  if (unreachableCodes.has(code))
    return new BigboxError('MODEL_UNREACHABLE', {
      message: `The model server at ${url.origin} cannot be reached (${code}).`,
      context: { address: url.origin, cause: code },
      cause: error,
    });
  return new BigboxError('MODEL_FAILED', {
    message: `The model server at ${url.origin} closed the connection before it answered (${code}).`,
    context: { address: url.origin, cause: code },
    cause: error,
  });
}
