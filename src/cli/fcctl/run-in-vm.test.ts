import { once } from 'node:events';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterEach, describe, expect, test } from 'vitest';
import { BigboxError, toErrorBody } from '../../contracts/errors.ts';
import type { ProcessEvent, VmProcess } from '../../contracts/processes.ts';
import { type VmClient, createVmClient } from '../../sdk/index.ts';
import { runInVm } from './run-in-vm.ts';

const running: VmProcess = {
  id: 'proc-1',
  vm_id: 'vm-1a2b3c4d',
  argv: ['x'],
  user: 'sandbox',
  guest_pid: 7,
  state: 'running',
  started_at: '2026-01-01T00:00:00.000Z',
  stdout_bytes: 0,
  stderr_bytes: 0,
  truncated: false,
  dropped_bytes: 0,
  first_offset: 0,
  next_offset: 0,
};
const ended: VmProcess = { ...running, state: 'ended', outcome: 'exited', exit_code: 0 };

let server: Server | undefined;
afterEach(() => server?.close());

/**
 * A service on the wire that refuses all input. What its process tells comes when it was asked how the process is, or at once where no
 * input is kept open.
 */
async function serve(events: readonly ProcessEvent[]): Promise<VmClient> {
  const told = Promise.withResolvers<void>();
  const refused = toErrorBody(new BigboxError('CONFLICT', { message: 'It does not read.' }));
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const { url = '', method } = request;
    const body = await text(request);
    if (url.endsWith('/stdin')) return void response.writeHead(409).end(JSON.stringify(refused));
    if (method === 'POST' ? body.includes('"keep_stdin":false') : url.endsWith(running.id)) told.resolve();
    if (!url.includes('/output')) return void response.end(JSON.stringify(running));
    await told.promise;
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.end(events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join(''));
  };
  server = createServer((request, response) => void answer(request, response));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return createVmClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
}

const program = { vmId: 'vm-1a2b3c4d', request: { argv: ['x'] }, onWarning: (): void => undefined };
const signal = AbortSignal.timeout(10_000);

describe('runInVm()', () => {
  test('hands the output on in order and counts what is lost between', async () => {
    const events: readonly ProcessEvent[] = [
      { type: 'output-dropped', offset: 0, next_offset: 5, bytes: 5 },
      { type: 'output', stream: 'stdout', offset: 5, next_offset: 6, encoding: 'base64', data: '/w==' },
      { type: 'output-dropped', offset: 6, next_offset: 8, bytes: 2 },
      { type: 'output', stream: 'stderr', offset: 8, next_offset: 9, encoding: 'base64', data: 'ZQ==' },
      { type: 'exit', process: ended },
    ];
    const client = await serve(events);
    const output: string[] = [];
    const onOutput = async (stream: string, data: Uint8Array): Promise<void> =>
      void output.push(`${stream} ${Buffer.from(data).toString('hex')}`);
    expect(await runInVm(client, { ...program, onOutput }, signal)).toEqual({ process: ended, lostBytes: 7 });
    expect(output).toEqual(['stdout ff', 'stderr 65']);
  });

  test('says that a command which runs does not read its input, and waits for its end', async () => {
    const client = await serve([{ type: 'exit', process: ended }]);
    const warnings: string[] = [];
    const end = await runInVm(
      client,
      {
        ...program,
        stdin: Readable.from([Buffer.from('input')]),
        onOutput: () => Promise.resolve(),
        onWarning: (sentence) => void warnings.push(sentence),
      },
      signal,
    );
    expect(end.process).toEqual(ended);
    expect(warnings).toEqual(['the command does not read its input; the rest of it is not handed on.']);
  });
});
