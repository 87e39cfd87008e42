import { BigboxError, fromErrorBody } from '../contracts/errors.ts';

export interface ConnectionOptions {
  /** Address of the server, without a path. */
  readonly baseUrl: string;
  /** API key or service key, sent as a bearer token. */
  readonly key?: string;
}

export interface RequestOptions {
  readonly method?: 'GET' | 'POST' | 'PUT' | 'DELETE';
  readonly body?: unknown;
  /** Sent as it is, in place of a body of JSON. */
  readonly stream?: { readonly type: string; readonly content: ReadableStream<Uint8Array> };
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** A creating call; sent again with the same key it gives what the first one made, also after a death of the service. */
export type Keyed<TWish> = TWish & { readonly idempotencyKey?: string };

/** The body and the header of a creating call. */
export function toCreation<TWish extends object>({ idempotencyKey, ...wish }: Keyed<TWish>): RequestOptions {
  const key = idempotencyKey === undefined ? {} : { headers: { 'idempotency-key': idempotencyKey } };
  return { method: 'POST', body: wish, ...key };
}

/**
 * Sends one request and answers with the response.
 * Throws the server's own registry error for an error status, and SERVICE_NOT_RUNNING when nothing answers at the address.
 */
export async function send(
  connection: ConnectionOptions,
  path: string,
  options: RequestOptions = {},
): Promise<Response> {
  const { method = 'GET', signal } = options;
  const { type, content } = toBody(options);
  let response: Response;
  try {
    response = await fetch(new URL(path, connection.baseUrl), {
      method,
      headers: {
        ...(connection.key === undefined ? {} : { authorization: `Bearer ${connection.key}` }),
        ...type,
        ...options.headers,
      },
      ...content,
      ...(signal === undefined ? {} : { signal }),
    });
  } catch (error) {
    signal?.throwIfAborted();
    throw new BigboxError('SERVICE_NOT_RUNNING', {
      message: `Nothing answers at ${connection.baseUrl}.`,
      context: { url: connection.baseUrl },
      cause: error,
    });
  }
  if (!response.ok) throw fromErrorBody(await response.json().catch(() => undefined));
  return response;
}

interface Body {
  readonly type?: { readonly 'content-type': string };
  readonly content?: { readonly body: string } | { readonly body: ReadableStream<Uint8Array>; readonly duplex: 'half' };
}

function toBody({ body, stream }: RequestOptions): Body {
  if (stream !== undefined)
    return { type: { 'content-type': stream.type }, content: { body: stream.content, duplex: 'half' } };
  if (body === undefined) return {};
  return { type: { 'content-type': 'application/json' }, content: { body: JSON.stringify(body) } };
}
