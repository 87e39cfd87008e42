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
  const { method = 'GET', body, signal } = options;
  let response: Response;
  try {
    response = await fetch(new URL(path, connection.baseUrl), {
      method,
      headers: {
        ...(connection.key === undefined ? {} : { authorization: `Bearer ${connection.key}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
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
