import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import { BigboxError } from '../../contracts/errors.ts';
import type { ConnectionOptions } from '../../sdk/index.ts';
import { formatError } from '../output/error.ts';
import { openPort, type PortAddress } from './open-port.ts';

export interface Forwarding extends PortAddress {
  /** On this machine's loopback interface; 0 takes any that is free. */
  readonly localPort: number;
}

/**
 * Listens on this machine and carries each connection to the port of the VM, until the signal aborts. What keeps one of them from that is
 * told on stderr, and ends that one alone. Gives the port that it listens on. Throws PORT_IN_USE.
 */
export async function forwardPort(
  connection: ConnectionOptions,
  { localPort, ...target }: Forwarding,
  signal: AbortSignal,
): Promise<number> {
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    carry(socket, connection, { target, signal }).catch((error: unknown) => {
      socket.destroy();
      if (!signal.aborted) process.stderr.write(formatError(error, { debug: false }));
    });
  });
  server.listen(localPort, '127.0.0.1');
  try {
    await once(server, 'listening');
  } catch (cause) {
    throw new BigboxError('PORT_IN_USE', {
      message: `Port ${localPort} of this machine cannot be taken: ${(cause as Error).message}.`,
      context: { port: localPort },
      cause,
    });
  }
  signal.addEventListener('abort', () => server.close(), { once: true });
  return (server.address() as AddressInfo).port;
}

interface Carrying {
  readonly target: PortAddress;
  readonly signal: AbortSignal;
}

async function carry(socket: Socket, connection: ConnectionOptions, { target, signal }: Carrying): Promise<void> {
  // A client that leaves early is noticed when its connection is carried.
  socket.on('error', () => undefined);
  const stream = await openPort(connection, target, signal);
  await Promise.allSettled([pipeline(socket, stream, { signal }), pipeline(stream, socket, { signal })]);
  stream.destroy();
  socket.destroy();
}
