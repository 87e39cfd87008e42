import { once } from 'node:events';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { makeRunningVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, testServiceKey, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { type AttachEvent, createVmClient, type VmClient } from '../../sdk/index.ts';

const readyTimeoutMs = 240_000;
let service: TestVmService;
let client: VmClient;
let vmId: string;

beforeAll(async () => {
  service = await startTestVmService();
  client = createVmClient({ baseUrl: service.url, key: testServiceKey });
  const signal = AbortSignal.timeout(readyTimeoutMs);
  await service.ready(signal);
  vmId = await makeRunningVm(service);
}, readyTimeoutMs);
afterAll(() => service.close());

const pty = { cols: 80, rows: 24 };
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Everything up to the exit; `onText` sees all that came so far. */
async function follow(
  events: AsyncIterable<AttachEvent>,
  onText?: (text: string) => void,
): Promise<{ readonly text: string; readonly end: AttachEvent | undefined }> {
  let text = '';
  let end: AttachEvent | undefined;
  for await (const event of events) {
    if (event.type === 'exit') end = event;
    if (event.type !== 'output') continue;
    text += Buffer.from(event.data).toString('utf8');
    onText?.(text);
  }
  return { text, end };
}

const runShell = (line: string): Promise<{ id: string }> =>
  client.startProcess(vmId, { shell: line, pty }).then(({ id }) => ({ id }));

test('a program with a terminal sees one, of the size that was asked for and then of the one it was changed to', async () => {
  const line = 'trap "stty size; exit 7" WINCH; tty; stty size; echo ready; while :; do read -r _; done';
  const { id } = await runShell(line);
  const attachment = await client.attachProcess({ vmId, processId: id }, { signal: AbortSignal.timeout(30_000) });
  let isResized = false;
  const { text, end } = await follow(attachment.events, (soFar) => {
    if (isResized || !soFar.includes('ready')) return;
    isResized = true;
    attachment.order({ type: 'resize', cols: 132, rows: 50 });
    attachment.write(bytes('\n'));
  });
  expect(text).toMatch(/^\/dev\/pts\/\d+\r\n24 80\r\nready\r\n/);
  expect(text).toContain('50 132');
  expect(end).toMatchObject({ process: { outcome: 'exited', exit_code: 7, pty: { cols: 132, rows: 50 } } });
});

test('Ctrl-C is a key: it reaches the program in the foreground', async () => {
  const { id } = await runShell('echo ready; sleep 600');
  const attachment = await client.attachProcess({ vmId, processId: id }, { signal: AbortSignal.timeout(30_000) });
  let isSent = false;
  const { end } = await follow(attachment.events, (text) => {
    if (!isSent && text.includes('ready')) attachment.write(bytes('\x03'));
    isSent ||= text.includes('ready');
  });
  expect(end).toMatchObject({ process: { state: 'ended' } });
});

test('who comes back reads on from an offset, and an end of input is taken as one', async () => {
  const { id } = await runShell('stty -echo; echo one; cat; echo over');
  const address = { vmId, processId: id };
  const first = await client.attachProcess(address, { signal: AbortSignal.timeout(30_000) });
  let offset = 0;
  for await (const event of first.events) {
    if (event.type === 'output') offset += event.data.length;
    if (offset >= 'one\r\n'.length) break;
  }
  const second = await client.attachProcess(address, { after: offset, signal: AbortSignal.timeout(30_000) });
  second.write(bytes('two\n'));
  second.order({ type: 'end' });
  const { text, end } = await follow(second.events);
  expect(text).toBe('two\r\nover\r\n');
  expect(end).toMatchObject({ process: { exit_code: 0 } });
});

test('a frame that cannot be read is answered and the connection goes on', async () => {
  const { id } = await runShell('read -r line; echo "got $line"');
  const url = `${service.url.replace('http', 'ws')}/api/v1/vms/${vmId}/processes/${id}/attach`;
  const socket = new WebSocket(url, { headers: { authorization: `Bearer ${testServiceKey}` } });
  const frames: { readonly type: string }[] = [];
  socket.on('message', (data: Buffer, isBinary: boolean) => {
    if (!isBinary) frames.push(JSON.parse(data.toString('utf8')) as { type: string });
  });
  await once(socket, 'open');
  socket.send('{"type":"resize"}');
  socket.send(bytes('here\n'));
  const [code] = (await once(socket, 'close')) as [number];
  expect(code).toBe(1000);
  expect(frames.map(({ type }) => type)).toEqual(['attached', 'error', 'exit']);
});

test('without a terminal there is nothing to resize', async () => {
  const { id } = await client.startProcess(vmId, { shell: 'cat', keep_stdin: true });
  const refused = client.resizeProcess({ vmId, processId: id }, pty);
  await expect(refused).rejects.toMatchObject({ code: 'CONFLICT' });
  await client.killProcess({ vmId, processId: id });
});
