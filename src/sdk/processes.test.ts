import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { BigboxError, toErrorBody } from '../contracts/errors.ts';
import type { ProcessEvent } from '../contracts/processes.ts';
import { createVmClient } from './vms.ts';

let server: Server;
afterEach(() => server.close());

async function serve(answer: (path: string, response: ServerResponse) => void): Promise<string> {
  server = createServer((request, response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    answer(request.url ?? '', response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const output = (offset: number, data: string): ProcessEvent => ({
  type: 'output',
  stream: 'stdout',
  offset,
  next_offset: offset + data.length,
  encoding: 'utf8',
  data,
});
const exit: ProcessEvent = {
  type: 'exit',
  process: {
    id: 'proc-1',
    vm_id: 'vm-1',
    argv: ['true'],
    user: 'sandbox',
    guest_pid: 1,
    state: 'ended',
    started_at: 'now',
    stdout_bytes: 4,
    stderr_bytes: 0,
    truncated: false,
    dropped_bytes: 0,
    first_offset: 0,
    next_offset: 4,
  },
};
const write = (event: unknown): string => `data: ${JSON.stringify(event)}\n\n`;

describe('processOutput()', () => {
  test('takes up a broken stream, and one that a server ended to stop, where it was', async () => {
    const asked: string[] = [];
    const stopping = toErrorBody(new BigboxError('SHUTTING_DOWN', { message: 'The server is stopping.' }));
    const baseUrl = await serve((path, response) => {
      asked.push(path.slice(path.indexOf('?')));
      if (asked.length === 1) response.write(write(output(0, 'ab')), () => response.destroy());
      else if (asked.length === 2) response.end(write(output(2, 'c')) + write(stopping));
      else response.end(write(output(3, 'd')) + write(exit));
    });
    const address = { vmId: 'vm-1', processId: 'proc-1' };
    const reading = createVmClient({ baseUrl }).processOutput(address, { signal: AbortSignal.timeout(10_000) });
    const events = await Array.fromAsync(reading);
    expect(events).toEqual([output(0, 'ab'), output(2, 'c'), output(3, 'd'), exit]);
    expect(asked.map((query) => new URLSearchParams(query).get('after'))).toEqual(['0', '2', '3']);
  });

  test("ends with the server's own error", async () => {
    const missing = toErrorBody(new BigboxError('PROCESS_NOT_FOUND', { message: 'No process.' }));
    const baseUrl = await serve((_path, response) => response.end(write(missing)));
    const address = { vmId: 'vm-1', processId: 'proc-1' };
    const reading = createVmClient({ baseUrl }).processOutput(address, { signal: AbortSignal.timeout(10_000) });
    await expect(Array.fromAsync(reading)).rejects.toMatchObject({ code: 'PROCESS_NOT_FOUND' });
  });
});
