import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';

/** What a guest does with a connection of the host. */
export type Script = (socket: Socket) => void;

const nonce = '0123456789abcdef'.repeat(2);

/** Greets as the agent does, then lets the script go on. */
export const afterGreeting =
  (script: Script): Script =>
  (socket) => {
    socket.write(`\nGREET ${nonce}\n`);
    socket.once('data', (hello: Buffer) => {
      socket.write(`\nREADY ${hello.toString('latin1').trim().split(' ')[2]}\n`);
      script(socket);
    });
  };

/** The guest's end of the port, with somebody else behind it than the agent. */
export class FakeGuest implements AsyncDisposable {
  readonly path: string;
  script: Script = () => undefined;
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(path: string) {
    this.path = path;
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => this.#sockets.delete(socket));
      this.script(socket);
    });
  }

  static async listen(path: string): Promise<FakeGuest> {
    const guest = new FakeGuest(path);
    guest.#server.listen(path);
    await once(guest.#server, 'listening');
    return guest;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }
}
