import type { IncomingMessage, OutgoingHttpHeaders, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Answers a request for an upgrade and gives its connection, which the caller owns from then on. */
export function acceptUpgrade(to: ServerResponse, { socket }: IncomingMessage, headers: OutgoingHttpHeaders): Socket {
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value ?? []].flat().map((one) => `${name}: ${one}\r\n`),
  );
  to.detachSocket(socket);
  socket.write(`HTTP/1.1 101 Switching Protocols\r\n${lines.join('')}\r\n`);
  return socket;
}
