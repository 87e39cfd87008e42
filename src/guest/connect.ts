import { type ClientHttp2Session, type ClientHttp2Stream, connect } from 'node:http2';
import type { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { type Client, createClient, type Interceptor } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { type Logger, silentLogger } from '../lib/log.ts';
import { Agent } from './generated/agent/v1/agent_pb.js';
import { dial } from './greeting.ts';

type SessionManager = NonNullable<Parameters<typeof createGrpcTransport>[0]['sessionManager']>;

const authority = 'http://guest';
/** What one stream may have unread; the guest's program waits beyond it. */
const streamWindow = 256 << 10;
/** Holds the windows of many streams, so that one that nobody reads does not stop the others. */
const connectionWindow = 64 << 20;
const frameSize = 64 << 10;
const readMaxBytes = 8 << 20;
const defaultDeadlineMs = 60_000;
/** So long a guest may keep the host at its messages before others have their turn. */
const turnMs = 4;

export interface GuestOptions {
  /** The socket of the guest's virtio-serial port, or of the VMM's vsock. */
  readonly socketPath: string;
  /** What the VMM wants to hear before it connects to the guest; its answer is dropped with all else before the greeting. */
  readonly preamble?: string;
  /** How long the guest may take to greet; one minute without it. */
  readonly deadlineMs?: number;
  readonly signal: AbortSignal;
  readonly logger?: Logger;
}

/** One greeted connection to the agent of a guest. A guest has one at a time. */
export interface GuestConnection extends AsyncDisposable {
  /** The calls of guest/proto/agent/v1/agent.proto. They throw ConnectErrors; UNAVAILABLE when the connection is gone. */
  readonly agent: Client<typeof Agent>;
  /** Settles when the connection is over: with nothing when `close` did it, else with the reason. Never rejects. */
  readonly closed: Promise<Error | undefined>;
  /** Ends the connection and every call on it; what runs in the guest goes on. */
  close(): void;
}

/**
 * Connects to the agent of a guest that boots, runs, or was just restored.
 * Throws GUEST_UNREACHABLE when it does not greet in time, and the signal's reason when aborted before.
 */
export async function connectGuest(options: GuestOptions): Promise<GuestConnection> {
  const { socketPath, preamble = '', signal, deadlineMs = defaultDeadlineMs, logger = silentLogger } = options;
  const connection = openConnection(await dial({ socketPath, preamble, signal, deadlineMs, logger }), logger);
  // Node takes over what the socket had read already in its next tick, and fails beyond catching where the session is closed before.
  await setImmediate();
  return connection;
}

/** gRPC over one socket that was greeted; it must be a real socket, for over another stream Node's HTTP/2 loses frames. */
function openConnection(socket: Socket, logger: Logger): GuestConnection {
  const session = connect(authority, {
    createConnection: () => socket,
    settings: { initialWindowSize: streamWindow, enablePush: false, maxFrameSize: frameSize },
  });
  // A connection may be closed before Node says that it is there.
  session.once('connect', () => {
    if (!session.destroyed) session.setLocalWindowSize(connectionWindow);
  });
  let reason: Error | undefined;
  let closing = false;
  // A breach of the protocol arrives here, and would end the process otherwise.
  session.on('error', (error: Error) => {
    reason ??= error;
  });
  const { promise: closed, resolve } = Promise.withResolvers<Error | undefined>();
  session.once('close', () => {
    socket.destroy();
    const lost = closing ? undefined : (reason ?? new Error('the guest closed the connection'));
    if (lost !== undefined) logger.debug({ reason: lost.message }, 'lost the connection to the guest');
    resolve(lost);
  });
  const close = (): void => {
    closing = true;
    session.destroy();
    socket.destroy();
  };
  const transport = createGrpcTransport({
    baseUrl: authority,
    sessionManager: manage(session),
    readMaxBytes,
    interceptors: [takeTurns],
  });
  return {
    agent: createClient(Agent, transport),
    closed,
    close,
    [Symbol.asyncDispose]: async () => {
      close();
      await closed;
    },
  };
}

/** Strong references to what must not be collected before the key is. */
const held = new FinalizationRegistry<object>(() => undefined);

/**
 * Node ends the process where a session is collected before a stream that has half of a header block, which a guest can bring about.
 * So the native side of a session is kept until that of each of its streams is gone.
 */
function keepWhileHeld(session: ClientHttp2Session, stream: ClientHttp2Stream): void {
  const [sessionHandle, streamHandle] = [nativeSideOf(session), nativeSideOf(stream)];
  if (sessionHandle !== undefined && streamHandle !== undefined) held.register(streamHandle, sessionHandle);
}

function nativeSideOf(owner: object): object | undefined {
  const key = Object.getOwnPropertySymbols(owner).find(({ description }) => description === 'kHandle');
  return key === undefined ? undefined : ((owner as Record<symbol, object | undefined>)[key] ?? undefined);
}

/** One session for ever: when it is gone, calls fail instead of connecting anew without a greeting. */
function manage(session: ClientHttp2Session): SessionManager {
  return {
    authority,
    // Throws when the session is gone; the transport turns that into a ConnectError.
    request: async (...[method, path, headers, options]) => {
      const stream = session.request({ ...headers, ':method': method, ':path': path }, options);
      if (stream.pending) stream.once('ready', () => keepWhileHeld(session, stream));
      else keepWhileHeld(session, stream);
      return stream;
    },
    notifyResponseByteRead: () => undefined,
  };
}

/** What has been received is read without a pause otherwise, and a guest that floods the host would have it for itself. */
const takeTurns: Interceptor = (next) => async (request) => {
  const response = await next(request);
  return response.stream ? { ...response, message: inTurns(response.message) } : response;
};

async function* inTurns<TMessage>(messages: AsyncIterable<TMessage>): AsyncGenerator<TMessage, void> {
  let since = performance.now();
  for await (const message of messages) {
    yield message;
    if (performance.now() - since < turnMs) continue;
    await setImmediate();
    since = performance.now();
  }
}
