import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { QmpClient } from './qmp.ts';

let directory: string;
let server: Server;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-qmp-'));
});
afterEach(async () => {
  server.close();
  await rm(directory, { recursive: true });
});

/** A process that behaves until it takes commands, and then answers with this. */
async function connectTo(answer: string): Promise<QmpClient> {
  server = createServer((socket: Socket) => {
    socket.on('error', () => undefined);
    socket.once('data', () => {
      socket.write('{"QMP": {}}\n{"return": {}}\n');
      socket.on('data', () => socket.write(answer));
    });
  });
  server.listen(join(directory, 'qmp'));
  await once(server, 'listening');
  return QmpClient.connect(join(directory, 'qmp'), AbortSignal.timeout(5000));
}

describe('QmpClient', () => {
  test('gives the answer to a command', async () => {
    const client = await connectTo('{"event": "STOP"}\n{"return": {"status": "paused"}}\n');
    expect(await client.execute('query-status')).toEqual({ status: 'paused' });
    client.close();
  });

  test.each([
    ['no JSON', 'garbage\n'],
    ['JSON of another kind', '["return"]\n'],
    ['a field of another kind', '{"error": "yes"}\n'],
    ['a line without end', 'x'.repeat(3 << 20)],
  ])('closes the connection of a VMM that sends %s', async (_kind, answer) => {
    const client = await connectTo(answer);
    const event = client.nextEvent(() => true);
    await expect(client.execute('query-status')).rejects.toThrow('no message of its protocol');
    await expect(event).rejects.toThrow('no message of its protocol');
    await expect(client.execute('query-status')).rejects.toThrow('no message of its protocol');
  });
});
