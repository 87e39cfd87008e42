/** Frame types of HTTP/2. */
export const frameTypes = {
  data: 0,
  headers: 1,
  priority: 2,
  resetStream: 3,
  settings: 4,
  pushPromise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
} as const;

export const flags = { endStream: 1, acknowledge: 1, endHeaders: 4 } as const;

export interface Frame {
  readonly type: number;
  readonly flags?: number;
  readonly stream?: number;
  readonly payload?: Buffer;
  /** The length that is claimed; that of the payload without it. */
  readonly length?: number;
}

/** Writes one frame, however wrong. */
export function toBytes({ type, flags: set = 0, stream = 0, payload = Buffer.alloc(0), length }: Frame): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE((length ?? payload.length) & 0xff_ff_ff, 0, 3);
  head[3] = type;
  head[4] = set;
  head.writeUInt32BE(stream >>> 0, 5);
  return Buffer.concat([head, payload]);
}

/** Header fields, each written out in full. */
export const toFields = (fields: Readonly<Record<string, string>>): Buffer =>
  Buffer.concat(Object.entries(fields).flatMap(([name, value]) => [Buffer.of(0), toText(name), toText(value)]));

/** A message as gRPC wraps it. */
export function toEnvelope(message: Buffer, { compressed = 0, length = message.length } = {}): Buffer {
  const head = Buffer.alloc(5);
  head[0] = compressed;
  head.writeUInt32BE(length >>> 0, 1);
  return Buffer.concat([head, message]);
}

/** The beginning of every honest answer. */
export const settings = toBytes({ type: frameTypes.settings });

export const answerHeaders = (stream: number): Buffer =>
  toBytes({
    type: frameTypes.headers,
    flags: flags.endHeaders,
    stream,
    payload: toFields({ ':status': '200', 'content-type': 'application/grpc+proto' }),
  });

export const trailers = (stream: number, fields: Readonly<Record<string, string>>): Buffer =>
  toBytes({
    type: frameTypes.headers,
    flags: flags.endHeaders | flags.endStream,
    stream,
    payload: toFields(fields),
  });

/** Lengths of 127 and more go on in a second place. */
function toText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const head: number[] = [Math.min(bytes.length, 127)];
  if (bytes.length >= 127) {
    let rest = bytes.length - 127;
    for (; rest >= 128; rest >>= 7) head.push((rest & 127) | 128);
    head.push(rest);
  }
  return Buffer.concat([Buffer.from(head), bytes]);
}
