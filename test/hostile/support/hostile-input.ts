import { gzipSync } from 'node:zlib';
import type { Socket } from 'node:net';
import { afterGreeting, type Script } from './fake-guest.ts';
import { answerHeaders, flags, frameTypes, settings, toBytes, toEnvelope, toFields, trailers } from './frames.ts';
import type { Random } from './random.ts';

/** One way to mistreat the host, of a kind that has a name. */
export interface HostileInput {
  readonly kind: string;
  readonly script: Script;
}

const prefaceBytes = 24;

type Maker = (random: Random) => Script;

/** Sends pieces, one after the other where they should arrive apart, and leaves or stays. */
const send =
  (random: Random, ...pieces: readonly Buffer[]): Script =>
  (socket) => {
    for (const piece of pieces) socket.write(piece);
    const farewell = random.pick(['stay', 'stay', 'end', 'destroy'] as const);
    if (farewell !== 'stay') socket[farewell]();
  };

/** Sends as soon as the host has asked something, so that the stream it names is there. */
const answer = (random: Random, ...pieces: readonly Buffer[]): Script =>
  afterGreeting((socket) => {
    socket.write(settings);
    afterRequest(socket, () => send(random, ...pieces)(socket));
  });

/** The host says its preface, its settings and then its request. */
export function afterRequest(socket: Socket, work: () => void): void {
  let seen: Buffer = Buffer.alloc(0);
  socket.on('data', function read(chunk: Buffer) {
    seen = Buffer.concat([seen, chunk]);
    if (!hasRequest(seen)) return;
    socket.off('data', read);
    socket.resume();
    work();
  });
}

function hasRequest(bytes: Buffer): boolean {
  for (let at = prefaceBytes; at + 9 <= bytes.length; at += 9 + bytes.readUIntBE(at, 3))
    if (bytes[at + 3] === frameTypes.headers) return true;
  return false;
}

const noise = (random: Random): Buffer => random.bytes(random.below(random.pick([16, 300, 5000])));

const brokenGreeting: Maker = (random) => (socket) => {
  const nonce = random.bytes(16).toString('hex');
  socket.write(
    random.pick([
      `\nGREET ${nonce}`,
      `\nGREET ${nonce.toUpperCase()}\n`,
      `\nGREET ${nonce.slice(1)}\n`,
      `\nGREET ${nonce}\n\nREADY ${nonce}\n`,
      `\nGREET ${nonce}\n`.repeat(200),
      `\nREADY ${nonce}\n`,
      `\nGREET \n`.repeat(1000),
    ]),
  );
  socket.once('data', (hello: Buffer) => {
    const host = hello.toString('latin1').trim().split(' ')[2] ?? '';
    socket.write(random.pick([`\nREADY ${nonce}\n`, `READY ${host}`, `\nREADY ${host.slice(2)}\n`, noise(random)]));
    if (random.isOneOf(2)) socket.destroy();
  });
};

const randomFrame = (random: Random): Buffer => {
  const payload = random.bytes(random.below(random.pick([8, 64, 2000])));
  return toBytes({
    type: random.isOneOf(5) ? random.below(256) : random.below(10),
    flags: random.below(256),
    stream: random.pick([0, 1, 1, 2, 3, 2 ** 31 - 1, 2 ** 32 - 1]),
    payload,
    length: random.isOneOf(6) ? random.below(2 ** 24) : payload.length,
  });
};

const frames = (random: Random): Buffer[] => Array.from({ length: 1 + random.below(12) }, () => randomFrame(random));

const many = (random: Random, frame: Buffer): Buffer =>
  Buffer.concat(Array.from({ length: random.pick([20, 2000]) }, () => frame));

const flood: Maker = (random) =>
  answer(
    random,
    many(
      random,
      random.pick([
        toBytes({ type: frameTypes.ping, payload: Buffer.alloc(8) }),
        settings,
        toBytes({ type: frameTypes.data, stream: 1 }),
        toBytes({ type: frameTypes.resetStream, stream: 1, payload: Buffer.alloc(4) }),
        toBytes({ type: frameTypes.windowUpdate, payload: Buffer.from([127, 255, 255, 255]) }),
        toBytes({ type: frameTypes.continuation, stream: 1, payload: toFields({ a: 'b' }) }),
        toBytes({ type: frameTypes.headers, stream: 1, payload: toFields({ a: 'b' }) }),
        toBytes({ type: frameTypes.goAway, payload: Buffer.alloc(8) }),
        toBytes({ type: frameTypes.pushPromise, stream: 1, payload: Buffer.alloc(4) }),
        toBytes({ type: frameTypes.priority, stream: 3, payload: Buffer.alloc(5) }),
      ]),
    ),
  );

/** Messages of the right form with anything in them, of the wrong form, and none. */
const message = (random: Random): Buffer => {
  const field = Buffer.concat([Buffer.of(8 * (1 + random.below(6)) + random.pick([0, 2, 2, 5])), random.bytes(4)]);
  const nested = Buffer.concat([Buffer.of(10 + 8 * random.below(4), field.length), field]);
  const body = random.pick([Buffer.alloc(0), field, nested, noise(random), gzipSync(Buffer.alloc(1 << 16))]);
  return toEnvelope(body, {
    compressed: random.pick([0, 0, 1, 255]),
    length: random.isOneOf(4) ? random.below(2 ** 32) : body.length,
  });
};

const badAnswer: Maker = (random) => {
  const data = Array.from({ length: random.below(4) }, () => message(random));
  const fields = random.pick<Record<string, string>>([
    { 'grpc-status': '0' },
    { 'grpc-status': String(random.below(40)), 'grpc-message': random.bytes(20).toString('latin1') },
    { 'grpc-status': 'none', 'grpc-status-details-bin': random.bytes(20).toString('base64') },
    { 'grpc-encoding': 'unheard-of' },
    Object.fromEntries(Array.from({ length: 300 }, (_one, index) => [`x-${index}`, 'y'.repeat(200)])),
  ]);
  return answer(
    random,
    random.isOneOf(8) ? randomFrame(random) : answerHeaders(1),
    toBytes({ type: frameTypes.data, stream: 1, payload: Buffer.concat(data) }),
    ...(random.isOneOf(3) ? [] : [trailers(1, fields)]),
  );
};

const badHeaders: Maker = (random) =>
  answer(
    random,
    toBytes({
      type: frameTypes.headers,
      flags: random.pick([flags.endHeaders, flags.endHeaders | flags.endStream]),
      stream: 1,
      payload: random.pick([
        noise(random),
        toFields({ ':status': random.pick(['0', '99', '200', '404', '503', 'x', '']) }),
        toFields({ ':status': '200', 'content-type': random.pick(['text/html', '', 'application/grpc+json']) }),
        toFields({ [random.bytes(4).toString('latin1')]: random.bytes(30).toString('latin1') }),
      ]),
    }),
  );

const makers: readonly [readonly [string, Maker], ...(readonly [string, Maker])[]] = [
  ['noise instead of a greeting', (random) => send(random, noise(random))],
  ['a broken greeting', brokenGreeting],
  ['a farewell instead of a greeting', () => (socket) => socket.destroy()],
  ['noise after the greeting', (random) => afterGreeting(send(random, noise(random)))],
  ['frames of any kind', (random) => afterGreeting(send(random, settings, ...frames(random)))],
  ['frames of any kind in answer', (random) => answer(random, ...frames(random))],
  ['a bad answer', badAnswer],
  ['a bad answer', badAnswer],
  ['bad headers', badHeaders],
  ['a flood of frames', flood],
];

export function makeInput(random: Random): HostileInput {
  const [kind, make] = random.pick(makers);
  return { kind, script: make(random) };
}
