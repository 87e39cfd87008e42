import { performServerHandshake, type ServerHttp2Stream } from 'node:http2';
import type { Writable } from 'node:stream';
import { parentPort, workerData } from 'node:worker_threads';
import { afterGreeting, FakeGuest, type Script } from './fake-guest.ts';
import { frameTypes, settings, toBytes, toEnvelope } from './frames.ts';

/** What a guest can send without end. */
export type Flood = 'noise' | 'pings' | 'empty messages' | 'single bytes';

const bufferBytes = 65_536;

/** Repeats a piece as fast as it is taken. */
function pour(into: Writable, piece: Buffer): void {
  const repeated = Buffer.concat(Array.from({ length: Math.ceil(bufferBytes / piece.length) }, () => piece));
  const more = (): void => {
    while (!into.destroyed && into.write(repeated));
  };
  into.on('drain', more);
  into.on('error', () => undefined);
  more();
}

/** Output of one byte as the agent reports it: field 2 of the event, in it field 2. */
const singleByte = toEnvelope(Buffer.from([0x12, 3, 0x12, 1, 0x78]));

const answerWith = (piece: Buffer): Script =>
  afterGreeting((socket) => {
    const session = performServerHandshake(socket);
    session.on('error', () => undefined);
    session.on('stream', (stream: ServerHttp2Stream) => {
      stream.respond({ ':status': 200, 'content-type': 'application/grpc+proto' });
      pour(stream, piece);
    });
  });

const scripts: Readonly<Record<Flood, Script>> = {
  noise: (socket) => pour(socket, Buffer.from('\nGREET 0123456789abcdef and no more')),
  pings: afterGreeting((socket) => {
    socket.write(settings);
    pour(socket, toBytes({ type: frameTypes.ping, payload: Buffer.alloc(8) }));
  }),
  'empty messages': answerWith(toEnvelope(Buffer.alloc(0))),
  'single bytes': answerWith(singleByte),
};

const { path, flood } = workerData as { readonly path: string; readonly flood: Flood };
const guest = await FakeGuest.listen(path);
guest.script = scripts[flood];
parentPort?.postMessage('listening');
