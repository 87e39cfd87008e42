import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../lib/log.ts';
import { dial, findGreeting } from './greeting.ts';

const nonce = 'a'.repeat(32);
const otherNonce = 'b'.repeat(32);

describe('findGreeting()', () => {
  test('finds nothing in half a greeting', () => {
    expect(findGreeting(Buffer.from(`\nGREET ${nonce}`))).toBeUndefined();
  });

  test('takes the last of several, behind stale bytes', () => {
    const stale = Buffer.from([0, 255, 10, 13]);
    const bytes = Buffer.concat([stale, Buffer.from(`\nGREET ${nonce}\n\nGREET ${otherNonce}\nrest`)]);
    expect(findGreeting(bytes)).toEqual({ end: bytes.length - 'rest'.length, text: otherNonce });
  });

  test('finds greetings that share a line end', () => {
    expect(findGreeting(Buffer.from(`\nGREET ${nonce}\nGREET ${otherNonce}\n`))?.text).toBe(otherNonce);
  });
});

describe('dial()', () => {
  let directory: string;
  let socketPath: string;
  let server: Server;

  /** The guest's side of the port, as bytes. */
  async function listen(guest: (socket: Socket, connection: number) => void): Promise<void> {
    let connections = 0;
    server = createServer((socket) => {
      socket.on('error', () => undefined);
      guest(socket, (connections += 1));
    });
    server.listen(socketPath);
    await once(server, 'listening');
  }

  const options = (deadlineMs: number, signal = new AbortController().signal) => ({
    socketPath,
    preamble: '',
    deadlineMs,
    signal,
    logger: silentLogger,
  });

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'bigbox-greeting-'));
    socketPath = join(directory, 'agent');
    server = createServer();
  });

  afterEach(async () => {
    server.close();
    await rm(directory, { recursive: true });
  });

  test('drops what came before the greeting is done and keeps what follows', async () => {
    await listen((socket) => {
      socket.write(`stale\nGREET ${nonce}\n`);
      socket.once('data', (hello) => {
        const host = /^HELLO a{32} ([0-9a-f]{32})\n$/.exec(hello.toString())?.[1];
        socket.write(`stale too\nREADY ${host}\nfresh`);
      });
    });
    const socket = await dial(options(5_000));
    const [first] = (await once(socket, 'data')) as [Buffer];
    expect(first.toString()).toBe('fresh');
    socket.destroy();
  });

  test('is silent until it is greeted, and tries again where the guest leaves', async () => {
    const early: Buffer[] = [];
    await listen((socket, connection) => {
      if (connection === 1) {
        socket.on('data', (chunk: Buffer) => early.push(chunk));
        socket.destroy();
        return;
      }
      socket.write(`\nGREET ${nonce}\n`);
      socket.once('data', (hello) => socket.write(`\nREADY ${hello.toString().trim().split(' ')[2]}\n`));
    });
    (await dial(options(5_000))).destroy();
    expect(early).toEqual([]);
  });

  test('gives up at the deadline', async () => {
    await listen(() => undefined);
    await expect(dial(options(80))).rejects.toMatchObject({ code: 'GUEST_UNREACHABLE' });
  });

  test('gives up at the deadline where nobody listens', async () => {
    await expect(dial(options(80))).rejects.toMatchObject({
      code: 'GUEST_UNREACHABLE',
      context: { socket: socketPath },
    });
  });

  test('throws the reason when aborted', async () => {
    const controller = new AbortController();
    await listen(() => controller.abort(new Error('enough')));
    await expect(dial(options(5_000, controller.signal))).rejects.toThrow('enough');
  });
});
