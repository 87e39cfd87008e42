import type { FastifyRequest } from 'fastify';
import type { WebSocket } from 'ws';
import { BigboxError } from '../../contracts/errors.ts';
import { type HttpServer, principalOf } from '../../http/index.ts';
import type { Runs } from '../../workflows/index.ts';
import { LiveSession } from './live-session.ts';

const maxSockets = 256;
const pingEveryMs = 30_000;

/** Closes a socket whose other side no longer answers pings. */
function watchForSilence(socket: WebSocket): void {
  let isAlive = true;
  socket.on('pong', () => {
    isAlive = true;
  });
  const timer = setInterval(() => {
    if (!isAlive) socket.terminate();
    isAlive = false;
    socket.ping();
  }, pingEveryMs);
  socket.once('close', () => clearInterval(timer));
}

function serve(socket: WebSocket, request: FastifyRequest, runs: Runs): void {
  const controller = new AbortController();
  const session = new LiveSession({
    socket,
    runs,
    principal: principalOf(request),
    client: request.headers['user-agent'] ?? '',
    signal: controller.signal,
  });
  socket.once('close', () => controller.abort());
  socket.on('error', (error) => request.log.debug({ err: error }, 'A live connection broke.'));
  socket.on('message', (data, isBinary) => void session.receive(data, isBinary));
  watchForSilence(socket);
  void session.run().catch((error: unknown) => {
    request.log.error({ err: error }, 'The live events broke off.');
    socket.close(1011);
  });
}

/** Adds the WebSocket that upstream's pages read: frames about every run, or those that the client subscribed to. */
export function addLiveSocket(app: HttpServer, runs: Runs, url: string): void {
  app.get(
    url,
    {
      websocket: true,
      schema: { hide: true },
      preValidation: async () => {
        const { size } = app.websocketServer.clients;
        if (size < maxSockets) return;
        throw new BigboxError('LIMIT_EXCEEDED', {
          message: `There are ${size} live connections, the most this server keeps.`,
          context: { limit: maxSockets },
        });
      },
    },
    (socket, request) => serve(socket, request as unknown as FastifyRequest, runs),
  );
}
