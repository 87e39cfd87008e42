import { once } from 'node:events';
import { type IncomingMessage, request as rawRequest } from 'node:http';
import { WebSocket } from 'ws';

export interface WireAnswer {
  readonly status: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

/** Sends a request as it stands, where `fetch` would tidy up paths and keep Host to itself. No answer within 5 s is an error. */
export async function sendRaw(base: string, { method, path, headers, body }: WireRequest): Promise<WireAnswer> {
  const { hostname, port } = new URL(base);
  const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
  const request = rawRequest({
    hostname,
    port,
    method,
    path,
    headers: { ...length, ...headers },
    signal: AbortSignal.timeout(5000),
    agent: false,
  });
  request.end(body);
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  const chunks = await Array.fromAsync(response as AsyncIterable<Buffer>);
  return { status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() };
}

/** Tries to open a WebSocket: `open`, or the status of the refusal. */
export async function tryWebSocket(url: string, headers: Readonly<Record<string, string>>): Promise<'open' | number> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { headers: { ...headers } });
  socket.on('error', () => undefined);
  try {
    return await Promise.race([
      once(socket, 'open', { signal: AbortSignal.timeout(5000) }).then(() => 'open' as const),
      once(socket, 'unexpected-response').then(([, response]) => (response as IncomingMessage).statusCode ?? 0),
    ]);
  } finally {
    socket.terminate();
  }
}
