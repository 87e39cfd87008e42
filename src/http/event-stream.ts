import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BigboxError, toErrorBody } from '../contracts/errors.ts';
import { toRegistryError } from './errors.ts';
import { requestSignal } from './lifetime.ts';

/** One server-sent event; `data` is sent as JSON. */
export interface ServerEvent {
  readonly id?: string | number;
  readonly event?: string;
  readonly data: unknown;
}

export interface StreamOptions {
  /** A comment keeps proxies from closing a quiet stream. Default 15,000. */
  readonly heartbeatMs?: number;
}

const maxStreams = 256;
const openStreams = new WeakMap<object, number>();

const toText = ({ id, event, data }: ServerEvent): string =>
  `${id === undefined ? '' : `id: ${id}\n`}${event === undefined ? '' : `event: ${event}\n`}data: ${JSON.stringify(data)}\n\n`;

async function write(response: ServerResponse, text: string, signal: AbortSignal): Promise<void> {
  if (response.write(text) || signal.aborted) return;
  await once(response, 'drain', { signal });
}

function begin(reply: FastifyReply): ServerResponse {
  reply.hijack();
  const response = reply.raw;
  response.writeHead(200, {
    ...(reply.getHeaders() as Record<string, string>),
    'content-type': 'text/event-stream; charset=utf-8',
    'x-accel-buffering': 'no',
    connection: 'close',
  });
  response.flushHeaders();
  return response;
}

/**
 * Answers with server-sent events until the source ends, the client leaves or the server closes. The source receives the signal
 * of the latter two and must end on it; what it throws is sent as a last event `error` with the body of the registry.
 * Throws LIMIT_EXCEEDED when too many streams are open.
 */
export async function streamEvents(
  reply: FastifyReply,
  source: (signal: AbortSignal) => AsyncIterable<ServerEvent>,
  { heartbeatMs = 15_000 }: StreamOptions = {},
): Promise<void> {
  const { server } = reply.server;
  const open = openStreams.get(server) ?? 0;
  if (open >= maxStreams)
    throw new BigboxError('LIMIT_EXCEEDED', {
      message: `There are ${open} event streams open, the most this server keeps.`,
      context: { limit: maxStreams },
    });
  openStreams.set(server, open + 1);
  const signal = requestSignal(reply);
  const response = begin(reply);
  const heartbeat = setInterval(() => response.write(': still here\n\n'), heartbeatMs);
  try {
    for await (const event of source(signal)) await write(response, toText(event), signal);
    signal.throwIfAborted();
  } catch (thrown) {
    const error = toRegistryError(signal.aborted ? signal.reason : thrown);
    if (!response.destroyed) response.write(toText({ event: 'error', data: toErrorBody(error, reply.request.id) }));
  } finally {
    clearInterval(heartbeat);
    openStreams.set(server, (openStreams.get(server) ?? 1) - 1);
    response.end();
  }
}

/** The number after which a client wants to go on: `Last-Event-ID`, else the given query value, else 0. */
export function lastEventId(request: FastifyRequest, after?: number): number {
  const header = request.headers['last-event-id'];
  if (typeof header === 'string' && /^\d{1,15}$/.test(header)) return Number(header);
  return after ?? 0;
}
