import { type IncomingMessage, request as openRequest, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { BigboxError } from '../../../contracts/errors.ts';
import { acceptUpgrade } from '../accept-upgrade.ts';
import { type PreviewPlace, toBrowserHeaders, toGuestHeaders } from './preview-headers.ts';

export interface Forwarding extends PreviewPlace {
  /** The connection to the program, which this ends. */
  readonly stream: Duplex;
  /** What the program is asked for, with its query. */
  readonly path: string;
}

/**
 * Passes a request on to a program in a VM and its answer back, as they come. Upgrades, as of WebSockets, become a connection. Throws
 * PORT_UNREACHABLE where the program does not speak HTTP; nothing is answered then.
 */
export async function forward(from: IncomingMessage, to: ServerResponse, forwarding: Forwarding): Promise<void> {
  const { stream, path } = forwarding;
  const { promise, resolve, reject } = Promise.withResolvers<() => Promise<void>>();
  const headers = toGuestHeaders(from.headers, forwarding);
  const call = openRequest({ createConnection: () => stream, method: from.method, path, headers });
  to.once('close', () => call.destroy());
  call.once('error', reject);
  call.once('response', (answer) => resolve(() => passBack(answer, to, forwarding)));
  call.once('upgrade', (answer, connection, head) => {
    // Whoever asked for none would take what follows for an answer of this server's own, without its headers.
    if (isWanted(from, answer)) resolve(() => connect(from, { to, answer, connection, head, forwarding }));
    else reject(new Error('it changed the protocol, which nobody asked for'));
  });
  // A request for an upgrade has no body, and does not say that it ends.
  if (from.headers.upgrade === undefined) from.pipe(call);
  else call.end();
  try {
    const answer = await promise;
    await answer();
  } catch (cause) {
    if (to.headersSent || to.destroyed) return void to.destroy();
    throw new BigboxError('PORT_UNREACHABLE', {
      message: `The program on port ${forwarding.port} of the VM gave no answer: ${(cause as Error).message}.`,
      context: { port: forwarding.port },
      cause,
    });
  } finally {
    stream.destroy();
    // What is left of the body must be taken, or the next request on this connection would wait behind it.
    from.unpipe(call);
    from.resume();
  }
}

const isWanted = ({ headers }: IncomingMessage, answer: IncomingMessage): boolean =>
  headers.upgrade !== undefined && headers.upgrade.toLowerCase() === answer.headers.upgrade?.toLowerCase();

async function passBack(answer: IncomingMessage, to: ServerResponse, forwarding: Forwarding): Promise<void> {
  to.writeHead(answer.statusCode ?? 502, toBrowserHeaders(answer.headers, forwarding));
  // Events are to be seen when they come, not when there are many.
  to.flushHeaders();
  await pipeline(answer, to);
}

interface Upgrade {
  readonly to: ServerResponse;
  readonly answer: IncomingMessage;
  readonly connection: Duplex;
  readonly head: Buffer;
  readonly forwarding: Forwarding;
}

async function connect(from: IncomingMessage, { to, answer, connection, head, forwarding }: Upgrade): Promise<void> {
  const socket = acceptUpgrade(to, from, toBrowserHeaders(answer.headers, forwarding));
  if (head.length > 0) socket.write(head);
  // Either side may go at any moment, and takes the other one with it.
  await Promise.allSettled([pipeline(socket, connection), pipeline(connection, socket)]);
  socket.destroy();
}
