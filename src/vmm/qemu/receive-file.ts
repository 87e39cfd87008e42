import { createWriteStream } from 'node:fs';
import { chmod } from 'node:fs/promises';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';

/** A socket whose one caller's bytes become a file. QEMU's sandbox may start no program that would write it. */
export interface FileReceiver {
  /** Resolves when the caller has closed and the file is complete. */
  readonly received: Promise<void>;
  close(): void;
}

/** Listens at the socket path, open to every user who can reach the directory, and writes what arrives to the file. */
export async function receiveFile(socketPath: string, filePath: string): Promise<FileReceiver> {
  const { promise: received, resolve, reject } = Promise.withResolvers<void>();
  received.catch(() => undefined);
  const server = createServer((socket: Socket) => {
    server.close();
    pipeline(socket, createWriteStream(filePath, { flags: 'wx', mode: 0o600 })).then(resolve, reject);
  });
  server.on('error', reject);
  server.listen(socketPath);
  await once(server, 'listening');
  await chmod(socketPath, 0o666);
  return {
    received,
    close: (): void => {
      server.close();
      reject(new Error('the machine sent no state'));
    },
  };
}
