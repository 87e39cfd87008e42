import { createServer } from 'node:net';

/** Tries to listen on a loopback port and gives the reason where that does not work. */
export async function findPortFault(port: number): Promise<string | undefined> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once('error', reject);
  server.listen({ port, host: '127.0.0.1', exclusive: true }, resolve);
  try {
    await promise;
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return code === 'EADDRINUSE' ? 'another program listens there' : message;
  } finally {
    server.close();
  }
}
