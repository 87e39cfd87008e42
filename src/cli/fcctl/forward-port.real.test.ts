import { spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { makeRunningVm } from '../../../test/fixtures/running-vms.ts';
import { runFcctl } from '../../../test/fixtures/run-fcctl.ts';
import { startTestVmService, testServiceKey, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { processEnvironment } from '../../config/index.ts';
import { VmPortList } from '../../contracts/vm-ports.ts';

const readyTimeoutMs = 240_000;
const fcctl = join(import.meta.dirname, '../../../fcctl');
let service: TestVmService;
let vmId: string;

/** Greets first, and answers only when all that was sent has come: each side has its own end. */
const program = `
const crypto = require('node:crypto');
require('node:net').createServer({ allowHalfOpen: true }, (socket) => {
  socket.write('hello ');
  const hash = crypto.createHash('sha256');
  socket.on('data', (data) => hash.update(data)).on('end', () => socket.end(hash.digest('hex'))).on('error', () => undefined);
}).listen(9000, '127.0.0.1');
`;

beforeAll(async () => {
  service = await startTestVmService();
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
  vmId = await makeRunningVm(service, { name: 'served' });
  await service.post(`/api/v1/vms/${vmId}/processes`, { argv: ['node', '-e', program] });
  const list = async (): Promise<unknown> =>
    VmPortList.parse(await (await service.call(`/api/v1/vms/${vmId}/ports`)).json()).ports;
  await vi.waitFor(async () => expect(await list()).toMatchObject([{ port: 9000 }]), { timeout: 60_000 });
}, readyTimeoutMs);
afterAll(() => service.close());

async function exchange(port: number, data: Buffer): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(data);
  return text(socket);
}

test('fcctl vm port forward carries connections both ways, with their ends, until it is stopped', async () => {
  const env = { ...processEnvironment(), FCCTL_URL: service.url, FCCTL_KEY: testServiceKey };
  const child = spawn(fcctl, ['vm', 'port', 'forward', 'served', '0:9000', '0:9001'], { env });
  const stderr = text(child.stderr);
  const ports: number[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    const [, local = '', remote] = /^127\.0\.0\.1:(\d+) goes to port (\d+) of served$/.exec(line) ?? [];
    ports.push(Number(local));
    if (remote === '9001') break;
  }
  const [served = 0, silent = 0] = ports;
  const sent = [0, 1, 4 << 20].map((bytes) => randomBytes(bytes));
  const answers = await Promise.all(sent.map((data) => exchange(served, data)));
  expect(answers).toEqual(sent.map((data) => `hello ${createHash('sha256').update(data).digest('hex')}`));
  expect(await exchange(silent, Buffer.from('x')).catch(() => '')).toBe('');
  expect(await exchange(served, Buffer.from('x'))).toContain('hello');
  child.kill('SIGINT');
  const [code] = (await once(child, 'exit')) as [number];
  expect(code).toBe(130);
  expect(await stderr).toMatch(/Nothing answers on port 9001 of the VM vm-/);
});

test('fcctl vm port forward says that a port here is taken', async () => {
  const { port } = new URL(service.url);
  const ended = await runFcctl(['vm', 'port', 'forward', 'served', `${port}:9000`], {
    url: service.url,
    key: testServiceKey,
  });
  expect(ended).toMatchObject({ code: 1, stderr: expect.stringContaining('PORT_IN_USE') });
});

test('a tunnel needs a key, and a request for one', async () => {
  const path = `/api/v1/vms/${vmId}/ports/9000/tunnel`;
  expect((await fetch(new URL(path, service.url))).status).toBe(401);
  expect((await service.call(path)).status).toBe(400);
});
