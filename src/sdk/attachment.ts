import { AttachReport, type AttachOrder } from '../contracts/processes.ts';
import { BigboxError } from '../contracts/errors.ts';
import type { ConnectionOptions } from './http.ts';

/** What an attached process is told about: bytes of output, or what its connection reports. */
export type AttachEvent = { readonly type: 'output'; readonly data: Uint8Array } | AttachReport;

/** A connection to one process. The process goes on when it is closed. */
export interface Attachment {
  /** In order, up to `exit`. Throws VM_UNAVAILABLE when the connection breaks before, and the signal's reason. */
  readonly events: AsyncIterable<AttachEvent>;
  /** Hands bytes to standard input. */
  write(data: Uint8Array): void;
  order(order: AttachOrder): void;
}

interface Inbox {
  readonly events: AttachEvent[];
  isClosed: boolean;
  changed: PromiseWithResolvers<void>;
}

function wake(inbox: Inbox): void {
  inbox.changed.resolve();
  inbox.changed = Promise.withResolvers();
}

const toEvent = (data: unknown): AttachEvent =>
  typeof data === 'string'
    ? AttachReport.parse(JSON.parse(data))
    : { type: 'output', data: new Uint8Array(data as ArrayBuffer) };

async function* readEvents(inbox: Inbox, socket: WebSocket, signal: AbortSignal): AsyncGenerator<AttachEvent, void> {
  try {
    for (;;) {
      signal.throwIfAborted();
      const changed = inbox.changed.promise;
      const event = inbox.events.shift();
      if (event !== undefined) yield event;
      if (event?.type === 'exit') return;
      if (event !== undefined) continue;
      if (inbox.isClosed)
        throw new BigboxError('VM_UNAVAILABLE', { message: 'The connection to the process broke off; it may go on.' });
      await changed;
    }
  } finally {
    socket.close();
  }
}

/** Opens a connection to a process at a path of the server. Aborting the signal closes it. Throws VM_UNAVAILABLE. */
export async function attach(connection: ConnectionOptions, path: string, signal: AbortSignal): Promise<Attachment> {
  const url = new URL(path, connection.baseUrl);
  url.protocol = url.protocol.replace('http', 'ws');
  const headers = connection.key === undefined ? {} : { authorization: `Bearer ${connection.key}` };
  // Node takes headers; a browser has a session instead and takes none.
  const socket = new WebSocket(url, { headers } as never);
  socket.binaryType = 'arraybuffer';
  const inbox: Inbox = { events: [], isClosed: false, changed: Promise.withResolvers() };
  const opened = Promise.withResolvers<void>();
  socket.addEventListener('open', () => opened.resolve());
  socket.addEventListener('message', ({ data }) => {
    inbox.events.push(toEvent(data));
    wake(inbox);
  });
  const close = (): void => {
    inbox.isClosed = true;
    opened.reject(new BigboxError('VM_UNAVAILABLE', { message: 'The process cannot be attached to.' }));
    wake(inbox);
  };
  socket.addEventListener('error', close);
  socket.addEventListener('close', close);
  signal.addEventListener('abort', () => socket.close(), { once: true });
  await opened.promise;
  return {
    events: readEvents(inbox, socket, signal),
    write: (data) => socket.send(new Uint8Array(data)),
    order: (order) => socket.send(JSON.stringify(order)),
  };
}
