import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { WebSocket } from 'ws';
import { makeRunningVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { PreviewLink, VmPortList } from '../../contracts/vm-ports.ts';

const readyTimeoutMs = 240_000;
const port = 8123;
const bigBytes = 8 << 20;
let service: TestVmService;
let vmId: string;
let link: string;

/** What runs in the VM: answers that show what came in, and an echo behind a WebSocket. */
const program = `
const http = require('node:http'), crypto = require('node:crypto');
const server = http.createServer(async (request, response) => {
  const { pathname } = new URL(request.url, 'http://x');
  if (pathname === '/big') return response.end(Buffer.alloc(${bigBytes}, 'big'));
  if (pathname === '/redirect') return response.writeHead(302, { location: '/there?x=1' }).end();
  if (pathname === '/plain') return request.socket.end('HTTP/1.0 200 OK\\r\\n\\r\\nto the end');
  if (pathname === '/sly') return request.socket.end('HTTP/1.1 101 Switching Protocols\\r\\nconnection: upgrade\\r\\nupgrade: websocket\\r\\n\\r\\nHTTP/1.1 200 OK\\r\\nset-cookie: a=b\\r\\ncontent-length: 0\\r\\n\\r\\n');
  if (pathname === '/away') return response.writeHead(302, { location: '//elsewhere.example/' }).end();
  if (pathname === '/events') {
    response.writeHead(200, { 'content-type': 'text/event-stream' });
    response.write('data: one\\n\\n');
    return request.once('close', () => response.end());
  }
  const hash = crypto.createHash('sha256');
  let bytes = 0;
  for await (const chunk of request) { hash.update(chunk); bytes += chunk.length; }
  const { method, url, headers } = request;
  response.writeHead(201, { 'set-cookie': 'a=b', 'content-security-policy': "default-src 'self'", 'content-type': 'application/json' });
  response.end(JSON.stringify({ method, url, headers, bytes, hash: hash.digest('hex') }));
});
server.on('upgrade', (request, socket) => {
  const accept = crypto.createHash('sha1').update(request.headers['sec-websocket-key'] + '258EAFA5-E914-47DA-95CA-C5AB0DC85B11').digest('base64');
  socket.write('HTTP/1.1 101 Switching Protocols\\r\\nUpgrade: websocket\\r\\nConnection: Upgrade\\r\\nSec-WebSocket-Accept: ' + accept + '\\r\\n\\r\\n');
  socket.on('data', (frame) => {
    const length = frame[1] & 127, mask = frame.subarray(2, 6), text = frame.subarray(6, 6 + length).map((byte, index) => byte ^ mask[index % 4]);
    socket.write(Buffer.concat([Buffer.from([frame[0], length]), text]));
  });
  socket.on('error', () => undefined);
});
server.listen(${port}, '127.0.0.1', () => console.log('listening'));
`;

async function startProgram(): Promise<void> {
  await service.post(`/api/v1/vms/${vmId}/processes`, { argv: ['node', '-e', program] });
  await untilListens(port);
}

async function listPorts(): Promise<readonly number[]> {
  const answer = await service.call(`/api/v1/vms/${vmId}/ports`);
  return VmPortList.parse(await answer.json()).ports.map((one) => one.port);
}

const untilListens = (wanted: number): Promise<void> =>
  vi.waitFor(async () => expect(await listPorts()).toContain(wanted), { timeout: 60_000 });

async function makeLink(seconds?: number): Promise<string> {
  const body = seconds === undefined ? {} : { ttl_seconds: seconds };
  const answer = await service.post(`/api/v1/vms/${vmId}/ports/${port}/link`, body);
  return PreviewLink.parse(await answer.json()).url;
}

beforeAll(async () => {
  service = await startTestVmService();
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
  vmId = await makeRunningVm(service);
  await startProgram();
  link = await makeLink();
}, readyTimeoutMs);
afterAll(() => service.close());

const codeOf = async (answer: Response): Promise<unknown> =>
  [answer.status, ((await answer.json()) as { readonly code: string }).code] as const;

describe('a preview', () => {
  test('shows what a program answers, to whoever has the link', async () => {
    const answer = await fetch(`${link}some/path?q=1`, {
      method: 'PUT',
      body: 'hello',
      headers: {
        cookie: 'bigbox=secret',
        authorization: 'Bearer secret',
        'x-own': 'kept',
        'content-type': 'text/plain',
      },
    });
    expect(answer.status).toBe(201);
    const seen = (await answer.json()) as { readonly headers: Record<string, string>; readonly bytes: number };
    expect(seen).toMatchObject({ method: 'PUT', url: '/some/path?q=1', bytes: 5 });
    expect(seen.headers).toMatchObject({ host: `localhost:${port}`, 'x-own': 'kept' });
    expect(JSON.stringify(seen.headers)).not.toContain('secret');
    expect(answer.headers.get('set-cookie')).toBeNull();
    const policy = answer.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain('sandbox allow-scripts');
    expect(policy).not.toContain('allow-same-origin');
    expect(answer.headers.get('referrer-policy')).toBe('no-referrer');
  });

  test('shows it to the owner without a link, and to nobody else', async () => {
    expect((await service.call(`/preview/${vmId}/${port}/`)).status).toBe(201);
    expect((await fetch(`${service.url}/preview/${vmId}/${port}/`)).status).toBe(401);
  });

  test('carries large bodies both ways as they are', async () => {
    const big = Buffer.from(await (await fetch(`${link}big`)).arrayBuffer());
    expect(big.equals(Buffer.alloc(bigBytes, 'big'))).toBe(true);
    const body = randomBytes(bigBytes);
    const answer = await fetch(link, { method: 'POST', body });
    expect(await answer.json()).toMatchObject({
      bytes: bigBytes,
      hash: createHash('sha256').update(body).digest('hex'),
    });
  });

  test('takes an answer that ends with its connection as whole', async () => {
    const answer = await fetch(`${link}plain`);
    expect([answer.status, await answer.text()]).toEqual([200, 'to the end']);
  });

  test('lets no program answer around it by an upgrade that nobody asked for', async () => {
    expect(await codeOf(await fetch(`${link}sly`))).toEqual([502, 'PORT_UNREACHABLE']);
  });

  test('gives events when they come, and ends them when the reader leaves', async () => {
    const left = new AbortController();
    const answer = await fetch(`${link}events`, { signal: left.signal });
    const reader = answer.body?.getReader();
    expect(Buffer.from((await reader?.read())?.value ?? []).toString()).toBe('data: one\n\n');
    left.abort();
    expect((await fetch(link)).status).toBe(201);
  });

  test('carries a WebSocket, also of a page whose origin is none', async () => {
    const socket = new WebSocket(`${link.replace('http', 'ws')}socket`, { origin: 'null' });
    await once(socket, 'open');
    for (const word of ['one', 'two']) {
      const answered = once(socket, 'message');
      socket.send(word);
      expect(String(((await answered) as [Buffer])[0])).toBe(word);
    }
    socket.terminate();
  });

  test('keeps redirects within itself, and lets pages without an origin ask first', async () => {
    const { pathname } = new URL(link);
    const inside = await fetch(`${link}redirect`, { redirect: 'manual' });
    expect(inside.headers.get('location')).toBe(`${pathname}there?x=1`);
    const away = await fetch(`${link}away`, { redirect: 'manual' });
    expect(away.headers.get('location')).toBe('//elsewhere.example/');
    const headers = { origin: 'null', 'access-control-request-method': 'PUT' };
    const asked = await fetch(link, { method: 'OPTIONS', headers });
    expect([asked.status, asked.headers.get('access-control-allow-origin')]).toEqual([204, '*']);
  });

  test('is refused with a link that was changed, is of another server, or has ended', async () => {
    const changed = link.replace(`.${port}.`, `.${port + 1}.`);
    const forged = link.replace(/[A-Za-z0-9_-]{43}\/$/, `${'A'.repeat(43)}/`);
    const ended = await makeLink(0.001);
    for (const url of [changed, forged, `${service.url}/preview/link/x/`, ended])
      expect(await codeOf(await fetch(url))).toEqual([403, 'LINK_INVALID']);
  });

  test('says that nobody listens, that what listens speaks no HTTP, and that the VM is gone', async () => {
    const closed = await service.call(`/preview/${vmId}/9/`);
    expect(await codeOf(closed)).toEqual([502, 'PORT_UNREACHABLE']);
    const script = 'import socket; s = socket.create_server(("127.0.0.1", 7001));\nwhile True: s.accept()[0].close()';
    await service.post(`/api/v1/vms/${vmId}/processes`, { argv: ['python3', '-c', script] });
    await untilListens(7001);
    expect(await codeOf(await service.call(`/preview/${vmId}/7001/`))).toEqual([502, 'PORT_UNREACHABLE']);
    const reader = (await fetch(`${link}events`)).body?.getReader();
    expect((await reader?.read())?.done).toBe(false);
    const ends = expect(reader?.read()).rejects.toThrow();
    await service.call(`/api/v1/vms/${vmId}`, { method: 'DELETE' });
    await ends;
    expect(await codeOf(await fetch(link))).toEqual([404, 'VM_NOT_FOUND']);
  });
});
