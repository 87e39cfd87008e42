import { type IncomingMessage, request as rawRequest } from 'node:http';
import { connect } from 'node:net';
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { z } from 'zod';
import { BigboxError, ErrorBody } from '../contracts/errors.ts';
import { silentLogger } from '../lib/log.ts';
import { createHttpServer, describeServer, lastEventId, listen, principalOf, streamEvents } from './index.ts';
import type { HttpServer } from './index.ts';

let app: HttpServer;
let url: string;
let streamEnded = Promise.withResolvers<void>();
const key = { authorization: 'Bearer right' };

async function* countForever(after: number, signal: AbortSignal): AsyncGenerator<{ id: number; data: unknown }> {
  try {
    for (let id = after + 1; id <= after + 2; id += 1) yield { id, data: { id } };
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    streamEnded.resolve();
  }
}

beforeAll(async () => {
  app = await createHttpServer({
    service: 'test',
    title: 'Test',
    description: 'A server for tests',
    logger: silentLogger,
    allowedHosts: ['agents.example.org'],
    allowedOrigins: ['http://pages.example.org'],
    bodyLimitBytes: 1000,
    authenticate: async (request) =>
      request.headers.authorization === key.authorization ? { kind: 'owner', via: 'api-key', id: 'owner' } : undefined,
  });
  const body = z.object({ names: z.array(z.string().min(2)), secret: z.string().max(5).optional() });
  app.post('/echo', { schema: { body, response: { 200: body } } }, async (request) => request.body);
  app.get('/open', { config: { open: true } }, async () => ({ open: true }));
  app.get('/page', { config: { open: true, page: true } }, async (_request, reply) =>
    reply.type('text/html').send('<!doctype html>'),
  );
  app.get('/items/:id', async (request) => ({ who: principalOf(request).id }));
  app.get('/fault', async () => {
    throw new Error('password is hunter2');
  });
  app.get('/known', async () => {
    throw new BigboxError('VM_NOT_FOUND', { message: 'There is no VM vm-1.', context: { vm: 'vm-1' } });
  });
  app.get('/events', async (request, reply) => {
    await streamEvents(reply, (signal) => countForever(lastEventId(request), signal));
  });
  app.get('/socket', { websocket: true }, (socket) => {
    socket.on('message', (data) => socket.send(`got ${String(data as Buffer)}`));
  });
  url = await listen(app, { port: 0 });
});

afterAll(() => app.close());

async function call(path: string, init: RequestInit = {}): Promise<{ response: Response; body: ErrorBody }> {
  const response = await fetch(url + path, {
    ...init,
    headers: new Headers([...Object.entries(key), ...new Headers(init.headers)]),
  });
  return { response, body: (await response.json()) as ErrorBody };
}

/** `fetch` does not let Host be set. */
async function statusWithHeaders(path: string, headers: Record<string, string>): Promise<number> {
  const request = rawRequest(url + path, { headers: { ...key, ...headers } });
  request.end();
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode ?? 0;
}

const post = (body: string, type = 'application/json'): RequestInit => ({
  method: 'POST',
  body,
  headers: { 'content-type': type },
});

describe('errors', () => {
  test('name path, kind and expectation of a wrong field and never its value', async () => {
    const { response, body } = await call('/echo', post('{"names":["ab"],"secret":"hunter2"}'));
    expect(response.status).toBe(400);
    expect(ErrorBody.parse(body)).toMatchObject({ code: 'INVALID_REQUEST', context: { path: 'body.secret' } });
    expect(body.message).toMatch(
      /^body\.secret is a string of 7 characters, expected string to have <=5 characters\.$/,
    );
    expect((await call('/echo', post('{"names":["ab", 4]}'))).body.message).toBe(
      'body.names[1] is a number, expected string.',
    );
    expect((await call('/echo', post(''))).body.message).toBe('body is missing, expected object.');
  });

  test.each([
    ['broken JSON', '/echo', post('{"names":'), 400, 'INVALID_JSON'],
    ['a poisoned prototype', '/echo', post('{"__proto__":{"a":1}}'), 400, 'INVALID_JSON'],
    [
      'another content type',
      '/echo',
      post('names=ab', 'application/x-www-form-urlencoded'),
      415,
      'UNSUPPORTED_MEDIA_TYPE',
    ],
    ['a large body', '/echo', post(`{"names":["${'a'.repeat(2000)}"]}`), 413, 'BODY_TOO_LARGE'],
    ['an unknown path', '/nothing/here', {}, 404, 'NOT_FOUND'],
    ['a broken path', '/items/%E0%A4%A', {}, 400, 'INVALID_REQUEST'],
    ['an error of the registry', '/known', {}, 404, 'VM_NOT_FOUND'],
  ] as const)('answer %s with a registry code', async (...[, path, init, status, code]) => {
    const { response, body } = await call(path, init);
    expect([response.status, body.code]).toEqual([status, code]);
    expect(body.request_id).toBe(response.headers.get('x-request-id'));
  });

  test('answer a wrong method with the right ones', async () => {
    const { response, body } = await call('/items/3', { method: 'DELETE' });
    expect([response.status, body.code]).toEqual([405, 'METHOD_NOT_ALLOWED']);
    expect(response.headers.get('allow')).toBe('GET, HEAD, OPTIONS');
    expect((await fetch(`${url}/items/3`, { method: 'OPTIONS' })).status).toBe(204);
  });

  test('keep the text of a fault inside', async () => {
    const { response, body } = await call('/fault');
    expect([response.status, body.code]).toEqual([500, 'INTERNAL']);
    expect(JSON.stringify(body)).not.toContain('hunter2');
  });

  test('answer what is not HTTP at all', async () => {
    const socket = connect(Number(new URL(url).port), '127.0.0.1');
    socket.end('this is not http\r\n\r\n');
    const text = (await Array.fromAsync(socket.setEncoding('utf8'))).join('');
    expect(text).toMatch(/^HTTP\/1\.1 400 /);
    expect(text).toContain('"code":"INVALID_REQUEST"');
  });
});

describe('the door', () => {
  test('asks for proof on every route that is not open', async () => {
    expect((await fetch(`${url}/items/1`)).status).toBe(401);
    expect((await fetch(`${url}/open`)).status).toBe(200);
    expect((await call('/items/1')).response.status).toBe(200);
  });

  test.each([
    ['its address', '127.0.0.1:PORT', 200],
    ['localhost in capitals', 'LocalHost:PORT', 200],
    ['a configured host', 'agents.example.org', 200],
    ['a rebound name', 'attacker.example:PORT', 403],
    ['a loopback name with another port', '127.0.0.1:1', 403],
    ['a loopback name without port', 'localhost', 403],
    ['a name that starts like loopback', '127.0.0.1.attacker.example:PORT', 403],
    ['something that is no host', 'user@127.0.0.1:PORT', 403],
  ])('takes %s as Host or not', async (_name, host, status) => {
    await expect(statusWithHeaders('/open', { host: host.replace('PORT', new URL(url).port) })).resolves.toBe(status);
  });

  test.each([
    ['own origin', { origin: 'OWN' }, 200],
    ['an allowed origin', { origin: 'http://pages.example.org' }, 200],
    ['another origin', { origin: 'http://attacker.example' }, 403],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }, 403],
    ['an opaque origin', { origin: 'null' }, 403],
    ['an image of another site', { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
    [
      'a link to data',
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' },
      403,
    ],
  ])('lets %s call or not', async (_name, headers, status) => {
    const own = Object.entries(headers).map(([name, value]) => [name, value.replace('OWN', url)]);
    await expect(statusWithHeaders('/open', Object.fromEntries(own) as Record<string, string>)).resolves.toBe(status);
  });

  test('lets a link on another site lead to a page, but not a frame', async () => {
    const link = { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' };
    await expect(statusWithHeaders('/page', link)).resolves.toBe(200);
    await expect(statusWithHeaders('/page', { ...link, 'sec-fetch-dest': 'iframe' })).resolves.toBe(403);
  });

  test('answers preflights of allowed origins only', async () => {
    const preflight = (origin: string): Promise<Response> =>
      fetch(`${url}/echo`, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } });
    const allowed = await preflight('http://pages.example.org');
    expect(allowed.status).toBe(204);
    expect(allowed.headers.get('access-control-allow-origin')).toBe('http://pages.example.org');
    const other = await preflight('http://attacker.example');
    expect(other.status).toBe(403);
    expect(other.headers.get('access-control-allow-origin')).toBeNull();
  });

  test('guards WebSocket upgrades alike', async () => {
    const open = async (headers: Record<string, string>): Promise<string> => {
      const socket = new WebSocket(`${url.replace('http', 'ws')}/socket`, { headers });
      const outcome = await Promise.race([
        once(socket, 'open').then(async () => {
          socket.send('hello');
          return String(((await once(socket, 'message')) as [Buffer])[0]);
        }),
        once(socket, 'unexpected-response').then(
          ([, response]) => `refused ${(response as { statusCode: number }).statusCode}`,
        ),
      ]);
      socket.on('error', () => undefined);
      socket.terminate();
      return outcome;
    };
    await expect(open(key)).resolves.toBe('got hello');
    await expect(open({})).resolves.toBe('refused 401');
    await expect(open({ ...key, origin: 'http://attacker.example' })).resolves.toBe('refused 403');
    await expect(open({ ...key, host: 'attacker.example' })).resolves.toBe('refused 403');
  });
});

describe('headers', () => {
  test('forbid everything for data, and inline scripts for pages', async () => {
    const data = (await fetch(`${url}/open`)).headers;
    expect(data.get('content-security-policy')).toContain(`default-src 'none'`);
    expect([data.get('x-content-type-options'), data.get('cache-control')]).toEqual(['nosniff', 'no-store']);
    const page = (await fetch(`${url}/page`)).headers.get('content-security-policy');
    expect(page).toContain(`script-src 'self';`);
    expect(page).toContain(`frame-ancestors 'none'`);
  });
});

describe('streamEvents()', () => {
  test('sends ids, goes on after Last-Event-ID and ends its source when the client leaves', async () => {
    streamEnded = Promise.withResolvers();
    const controller = new AbortController();
    const response = await fetch(`${url}/events`, {
      headers: { ...key, 'last-event-id': '7' },
      signal: controller.signal,
    });
    expect(response.headers.get('content-type')).toContain('text/event-stream');
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    let text = '';
    while (!text.includes('id: 9\ndata: {"id":9}\n\n')) text += (await reader.read()).value ?? '';
    expect(text.startsWith('id: 8\ndata: {"id":8}\n\n')).toBe(true);
    controller.abort();
    await streamEnded.promise;
  });
});

describe('the documentation', () => {
  test('describes routes, their errors and which are open', async () => {
    const document = (await describeServer(app)) as {
      paths: Record<string, Record<string, { security?: unknown; responses: Record<string, unknown> }>>;
    };
    expect(Object.keys(document.paths)).toEqual(expect.arrayContaining(['/echo', '/items/{id}', '/open']));
    expect(document.paths['/echo']?.['post']?.responses).toHaveProperty('default');
    await expect((await fetch(`${url}/api/openapi.json`)).json()).resolves.toMatchObject({ openapi: '3.1.0' });
  });

  test('is a page whose scripts come from this server, the inline one named by its hash', async () => {
    const response = await fetch(`${url}/api/docs/`);
    const html = await response.text();
    expect(html).not.toMatch(/(?:src|href)="(?:https?:)?\/\//);
    expect(response.headers.get('content-security-policy')).toMatch(/script-src 'self' 'sha256-[^']+';/);
    expect((await fetch(`${url}/api/docs`)).status).toBe(200);
    const [, script] = /<script src="([^"]+)"/.exec(html) ?? [];
    expect((await fetch(url + script!)).headers.get('content-type')).toContain('javascript');
  });
});

describe('close()', () => {
  const createOther = (): Promise<HttpServer> =>
    createHttpServer({
      service: 'test',
      title: 'Test',
      description: 'Closes',
      logger: silentLogger,
      documentation: false,
      authenticate: async () => ({ kind: 'owner', via: 'api-key', id: 'owner' }),
    });

  test('ends open streams and sockets', async () => {
    const other = await createOther();
    other.get('/events', (_request, reply) => streamEvents(reply, (signal) => countForever(0, signal)));
    const address = await listen(other, { port: 0 });
    const response = await fetch(`${address}/events`);
    const text = response.text();
    await other.close();
    await expect(text).resolves.toMatch(/event: error\ndata: .*SHUTTING_DOWN/);
  });

  test('does not wait for a connection on which nothing was asked', async () => {
    const other = await createOther();
    const address = new URL(await listen(other, { port: 0 }));
    const accepted = once(other.server, 'connection');
    const socket = connect(Number(address.port), address.hostname).resume();
    const ended = once(socket, 'close');
    await accepted;
    await other.close();
    await ended;
  });
});
