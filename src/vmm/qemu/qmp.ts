import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { abortable } from '../../lib/async.ts';

const Message = z.object({
  return: z.unknown().optional(),
  error: z.object({ class: z.string(), desc: z.string() }).optional(),
  event: z.string().optional(),
  data: z.record(z.string(), z.unknown()).optional(),
  QMP: z.unknown().optional(),
});

/** Something that QEMU reported by itself. */
export interface QmpEvent {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

interface Waiter<TValue> {
  readonly resolve: (value: TValue) => void;
  readonly reject: (error: Error) => void;
}

interface EventWaiter extends Waiter<QmpEvent> {
  readonly matches: (event: QmpEvent) => boolean;
}

const commandTimeoutMs = 15_000;
/** No message of QEMU is near that long. */
const maxLineLength = 1 << 20;

/** The control connection of one QEMU process. Commands are answered in order. */
export class QmpClient {
  readonly #socket: Socket;
  readonly #answers: Waiter<unknown>[] = [];
  readonly #eventWaiters = new Set<EventWaiter>();
  #rest = '';
  #closed: Error | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.setEncoding('utf8');
    socket.on('data', (text: string) => {
      try {
        this.#read(text);
      } catch (cause) {
        this.#fail(new Error('QEMU sent what is no message of its protocol', { cause }));
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => this.#fail(new Error('QEMU closed its control connection')));
  }

  /** Connects as soon as the socket is there. Throws the signal's reason when aborted before. */
  static async connect(path: string, signal: AbortSignal): Promise<QmpClient> {
    for (;;) {
      signal.throwIfAborted();
      const socket = await tryConnect(path);
      if (socket !== undefined) {
        const client = new QmpClient(socket);
        try {
          await abortable(client.execute('qmp_capabilities'), signal);
          return client;
        } catch (error) {
          client.close();
          throw error;
        }
      }
      await wait(2);
    }
  }

  /** Runs a command and gives its result. Throws a plain error with QEMU's description when it is refused or takes over 15 s. */
  execute(command: string, parameters?: Readonly<Record<string, unknown>>): Promise<unknown> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const timer = setTimeout(() => this.#fail(new Error(`QEMU did not answer ${command}`)), commandTimeoutMs);
    this.#answers.push({
      resolve,
      reject: (error) => reject(new Error(`${command}: ${error.message}`)),
    });
    this.#socket.write(`${JSON.stringify({ execute: command, arguments: parameters })}\n`);
    return promise.finally(() => clearTimeout(timer));
  }

  /** Resolves with the next event that matches. Rejects when the connection closes. */
  nextEvent(matches: (event: QmpEvent) => boolean): Promise<QmpEvent> {
    if (this.#closed !== undefined) return Promise.reject(this.#closed);
    const { promise, resolve, reject } = Promise.withResolvers<QmpEvent>();
    this.#eventWaiters.add({ matches, resolve, reject });
    return promise;
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(text: string): void {
    const lines = (this.#rest + text).split('\n');
    this.#rest = lines.pop() ?? '';
    if (this.#rest.length > maxLineLength) throw new Error('a message without end');
    for (const line of lines) if (line.trim() !== '') this.#dispatch(Message.parse(JSON.parse(line)));
  }

  #dispatch(message: z.infer<typeof Message>): void {
    if (message.event !== undefined) return this.#report({ name: message.event, data: message.data ?? {} });
    if (message.QMP !== undefined) return undefined;
    const answer = this.#answers.shift();
    if (message.error === undefined) answer?.resolve(message.return);
    else answer?.reject(new Error(message.error.desc));
    return undefined;
  }

  #report(event: QmpEvent): void {
    for (const waiter of this.#eventWaiters) {
      if (!waiter.matches(event)) continue;
      this.#eventWaiters.delete(waiter);
      waiter.resolve(event);
    }
  }

  #fail(error: Error): void {
    if (this.#closed !== undefined) return;
    this.#closed = error;
    this.#socket.destroy();
    for (const answer of this.#answers.splice(0)) answer.reject(error);
    for (const waiter of this.#eventWaiters) waiter.reject(error);
    this.#eventWaiters.clear();
  }
}

function tryConnect(path: string): Promise<Socket | undefined> {
  const { promise, resolve } = Promise.withResolvers<Socket | undefined>();
  const socket = connect(path);
  socket.once('connect', () => resolve(socket));
  socket.once('error', () => resolve(undefined));
  return promise;
}
