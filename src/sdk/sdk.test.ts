import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, test } from 'vitest';
import { BigboxError, toErrorBody } from '../contracts/errors.ts';
import type { RunEvent } from '../contracts/runs.ts';
import { createAgentClient } from './agents.ts';
import { createSandbox, createVmClient } from './vms.ts';

let server: Server;
type Handler = (path: string, response: ServerResponse) => void;

async function serve(handler: Handler): Promise<string> {
  server = createServer((request, response) => handler(request.url ?? '', response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
afterEach(() => server.close());

const event = (sequence: number, type: 'warning' | 'run-finished'): string =>
  `id: ${sequence}\ndata: ${JSON.stringify({ run_id: 'r', sequence, at: 'now', ...(type === 'warning' ? { type, message: 'm' } : { type, status: 'completed' }) })}\n\n`;
const startStream = (response: ServerResponse): ServerResponse =>
  response.writeHead(200, { 'content-type': 'text/event-stream' });

describe('events()', () => {
  test('takes a broken stream up again after the last event, without gap or repeat', async () => {
    const asked: string[] = [];
    const baseUrl = await serve((path, response) => {
      asked.push(path);
      startStream(response);
      if (asked.length === 1) response.write(event(1, 'warning'), () => response.destroy());
      else response.end(event(2, 'warning') + event(3, 'run-finished'));
    });

    const events: RunEvent[] = await Array.fromAsync(
      createAgentClient({ baseUrl }).events('r', { signal: AbortSignal.timeout(10_000) }),
    );

    expect(events.map(({ sequence }) => sequence)).toEqual([1, 2, 3]);
    expect(asked).toEqual(['/workflows/r/events?after=0', '/workflows/r/events?after=1']);
  });

  test("ends with the server's own error", async () => {
    const body = toErrorBody(new BigboxError('RUN_NOT_FOUND', { message: 'No run r.' }));
    const baseUrl = await serve((_path, response) => response.writeHead(404).end(JSON.stringify(body)));
    const read = Array.fromAsync(createAgentClient({ baseUrl }).events('r', { signal: AbortSignal.timeout(10_000) }));
    await expect(read).rejects.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });
});

describe('createSandbox()', () => {
  test('says VM_UNAVAILABLE when the stream ends before the code', async () => {
    const baseUrl = await serve((_path, response) =>
      startStream(response).end(`data: ${JSON.stringify({ type: 'output-delta', stream: 'stdout', text: 'a' })}\n\n`),
    );
    const sandbox = createSandbox(createVmClient({ baseUrl }), ['python']);
    const request = {
      agentId: 'a',
      language: 'python',
      code: 'x',
      timeoutMs: 1000,
      signal: AbortSignal.timeout(10_000),
    } as const;
    await expect(Array.fromAsync(sandbox.execute(request))).rejects.toMatchObject({ code: 'VM_UNAVAILABLE' });
  });
});

test('a server that is not there is SERVICE_NOT_RUNNING', async () => {
  const baseUrl = await serve(() => undefined);
  await new Promise((resolve) => server.close(resolve));
  await expect(createAgentClient({ baseUrl }).health()).rejects.toMatchObject({ code: 'SERVICE_NOT_RUNNING' });
});
