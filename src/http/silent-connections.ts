import type { Socket } from 'node:net';
import type { HttpServer } from './types.ts';

/**
 * Ends connections on which nothing was asked yet when the server closes. Clients open some ahead of their requests; Node takes them
 * for busy and would wait until their time is up.
 */
export function endSilentConnections(app: HttpServer): void {
  const silent = new Set<Socket>();
  let isClosing = false;
  app.server.on('connection', (socket) => {
    if (isClosing) socket.destroy();
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  app.server.on('request', ({ socket }) => silent.delete(socket));
  app.server.on('upgrade', ({ socket }) => silent.delete(socket));
  app.addHook('preClose', (done) => {
    isClosing = true;
    for (const socket of silent) socket.destroy();
    done();
  });
}
