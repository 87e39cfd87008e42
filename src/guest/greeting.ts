import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { BigboxError } from '../contracts/errors.ts';
import { systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';

/** The guest must see that the last connection was closed before the next one opens. */
const gapMs = 30;
/** A guest greets at once, unless the greeting was lost or it still boots: then a new connection makes it greet again. */
const firstPatienceMs = 250;
const maxPatienceMs = 4_000;
const maxKept = 1 << 16;
const overlap = 256;

const greetingPattern = /\nGREET ([0-9a-f]{32})\n/;

export interface DialOptions {
  /** The socket of the guest's virtio-serial port, or of the VMM's vsock. */
  readonly socketPath: string;
  /** Sent first; empty for a virtio-serial port. */
  readonly preamble: string;
  readonly deadlineMs: number;
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/** What a scanner finds: where the stream goes on, and the text that was looked for. */
interface Found {
  readonly end: number;
  readonly text: string;
}

/**
 * Opens the port and runs the greeting of guest/src/link/greeting.rs until it succeeds; the socket then carries HTTP/2 only.
 * Throws GUEST_UNREACHABLE at the deadline, and the signal's reason when aborted.
 */
export async function dial(options: DialOptions): Promise<Socket> {
  const until = systemClock.monotonic() + options.deadlineMs;
  for (let attempt = 1, patience = firstPatienceMs; ; attempt += 1, patience = Math.min(patience * 2, maxPatienceMs)) {
    const left = until - systemClock.monotonic();
    const limit = AbortSignal.any([
      options.signal,
      AbortSignal.timeout(Math.max(1, Math.ceil(Math.min(patience, left)))),
    ]);
    try {
      return await dialOnce(options, limit);
    } catch (error) {
      options.signal.throwIfAborted();
      options.logger.debug({ attempt, patience, reason: String(error) }, 'the guest did not greet');
      if (systemClock.monotonic() + gapMs >= until) throw unreachable(options, attempt, error);
    }
    await systemClock.sleep(gapMs, options.signal);
  }
}

async function dialOnce({ socketPath, preamble }: DialOptions, limit: AbortSignal): Promise<Socket> {
  const socket = await open(socketPath, limit);
  try {
    if (preamble !== '') socket.write(preamble);
    const theirs = await scan(socket, findGreeting, limit);
    const mine = randomBytes(16).toString('hex');
    socket.write(`HELLO ${theirs} ${mine}\n`);
    await scan(socket, (bytes) => findText(bytes, `\nREADY ${mine}\n`), limit);
    return socket;
  } catch (error) {
    socket.destroy();
    throw error;
  }
}

async function open(path: string, limit: AbortSignal): Promise<Socket> {
  const socket = connect(path);
  const { promise, resolve, reject } = Promise.withResolvers<Socket>();
  socket.once('connect', () => resolve(socket));
  // Stays: an error after this is reported by the stream's end.
  socket.on('error', reject);
  const onAbort = (): void => {
    socket.destroy();
    reject(limit.reason as Error);
  };
  limit.addEventListener('abort', onAbort, { once: true });
  try {
    return await promise;
  } finally {
    limit.removeEventListener('abort', onAbort);
  }
}

/** Reads until the text is found, and gives back what follows it. Everything before is dropped: it is another connection's. */
async function scan(socket: Socket, find: (bytes: Buffer) => Found | undefined, limit: AbortSignal): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let bytes: Buffer = Buffer.alloc(0);
  const onReadable = (): void => {
    for (let chunk = read(socket); chunk !== undefined; chunk = read(socket)) bytes = Buffer.concat([bytes, chunk]);
    const found = find(bytes);
    if (found === undefined) {
      if (bytes.length > maxKept) bytes = bytes.subarray(bytes.length - overlap);
      return;
    }
    socket.off('readable', onReadable);
    if (found.end < bytes.length) socket.unshift(bytes.subarray(found.end));
    resolve(found.text);
  };
  const onClose = (): void => reject(new Error('the port was closed during the greeting'));
  const onAbort = (): void => reject(limit.reason as Error);
  socket.on('readable', onReadable);
  socket.once('close', onClose);
  limit.addEventListener('abort', onAbort, { once: true });
  if (limit.aborted) onAbort();
  onReadable();
  try {
    return await promise;
  } finally {
    socket.off('readable', onReadable);
    socket.off('close', onClose);
    limit.removeEventListener('abort', onAbort);
  }
}

const read = (socket: Socket): Buffer | undefined => (socket.read() as Buffer | null) ?? undefined;

/** Finds a greeting in a stream that may start with anything; the last of several, for older ones are stale. */
export function findGreeting(bytes: Buffer): Found | undefined {
  const text = bytes.toString('latin1');
  let found: Found | undefined;
  for (let from = 0; ;) {
    const match = greetingPattern.exec(text.slice(from));
    if (match === null) return found;
    // A line end may close one greeting and open the next.
    const end = from + match.index + match[0].length;
    found = { end, text: match[1] ?? '' };
    from = end - 1;
  }
}

function findText(bytes: Buffer, text: string): Found | undefined {
  const start = bytes.indexOf(text, 0, 'latin1');
  return start < 0 ? undefined : { end: start + text.length, text };
}

function unreachable(options: DialOptions, attempts: number, cause: unknown): BigboxError {
  return new BigboxError('GUEST_UNREACHABLE', {
    message: `The agent in the microVM did not greet within ${options.deadlineMs} ms.`,
    context: { socket: options.socketPath, attempts, last: String(cause) },
    cause,
  });
}
