import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ErrorBody } from '../../src/contracts/errors.ts';
import { malformedRequests, type Route, routesOf } from './support/malformed-requests.ts';
import { type ServerUnderTest, startAgents, startVms } from './support/servers.ts';
import { sendRaw, tryWebSocket, type WireAnswer } from './support/wire.ts';

/** Requests sent to each server; the issue asks for a hundred. */
const malformedCount = 400;

describe.each([
  ['agent server', startAgents],
  ['VM service', startVms],
])('%s', (_name, start) => {
  let server: ServerUnderTest;
  let routes: readonly Route[];
  let key: Record<string, string>;

  beforeAll(async () => {
    server = await start();
    key = { authorization: `Bearer ${server.key}` };
    routes = routesOf((await (await fetch(`${server.url}/api/openapi.json`)).json()) as Record<string, unknown>);
  });
  afterAll(() => server.close());

  const isOpen = ({ operation }: Route): boolean => operation.security?.length === 0;
  const send = (route: Route, headers: Record<string, string>): Promise<WireAnswer> =>
    sendRaw(server.url, {
      method: route.method,
      path: route.path.replaceAll(/\{[^}]+\}/g, 'none'),
      headers: { host: new URL(server.url).host, 'content-type': 'application/json', ...headers },
      body: route.method === 'GET' ? undefined : '{}',
    });
  const codeOf = (answer: WireAnswer): string => ErrorBody.parse(JSON.parse(answer.text)).code;

  test(`answers ${malformedCount} malformed requests with 4xx and a code of the registry`, async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(malformedRequests(routes), async (request) => {
        const answer = await sendRaw(server.url, {
          ...request,
          headers: { host: new URL(server.url).host, ...key, ...request.headers },
        });
        const code = codeOf(answer);
        expect(answer.status).toBeGreaterThanOrEqual(400);
        expect(answer.status).toBeLessThan(500);
        expect(answer.headers['content-type']).toContain('application/json');
        seen.set(`${request.kind}: ${code}`, (seen.get(`${request.kind}: ${code}`) ?? 0) + 1);
      }),
      { numRuns: malformedCount },
    );
    expect(new Set([...seen.keys()].map((entry) => entry.split(':')[0]))).toEqual(
      new Set(['another content type', 'broken JSON', 'unknown path', 'wrong body', 'wrong method', 'wrong query']),
    );
  });

  test('describes at least the routes that it must have', () => {
    expect(routes.length).toBeGreaterThan(10);
    expect(routes.filter(isOpen).map(({ path }) => path)).toContain('/health');
  });

  test('refuses headers over the limit and bodies over the limit', async () => {
    const target = routes.find(({ method, operation }) => method === 'POST' && operation.requestBody !== undefined)!;
    expect((await send(target, { ...key, 'x-long': 'a'.repeat(20_000) })).status).toBe(431);
    const huge = await sendRaw(server.url, {
      method: 'POST',
      path: target.path,
      headers: { host: new URL(server.url).host, ...key, 'content-type': 'application/json' },
      body: JSON.stringify({ prompt: 'a'.repeat(2 * 1024 * 1024) }),
    });
    expect([huge.status, codeOf(huge)]).toEqual([413, 'BODY_TOO_LARGE']);
  });

  test('asks for a key on every route that is not open', async () => {
    for (const route of routes.filter((candidate) => !isOpen(candidate)))
      expect([route.path, (await send(route, {})).status]).toEqual([route.path, 401]);
  });

  test('cannot be called by a page of another origin, with or without a key', async () => {
    const attempts = [
      { origin: 'http://attacker.example' },
      { origin: 'null' },
      { origin: `http://127.0.0.1:${Number(new URL(server.url).port) + 1}` },
      { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' },
      { 'sec-fetch-site': 'same-site', 'sec-fetch-mode': 'no-cors' },
    ] as Record<string, string>[];
    for (const route of routes)
      for (const headers of attempts) {
        const answer = await send(route, { ...key, ...headers });
        expect([route.path, answer.status, codeOf(answer)]).toEqual([route.path, 403, 'FORBIDDEN_ORIGIN']);
        expect(answer.headers['access-control-allow-origin']).toBeUndefined();
      }
  });

  test('cannot be called by a rebound host name', async () => {
    const { port } = new URL(server.url);
    for (const route of routes)
      for (const host of [`attacker.example:${port}`, '127.0.0.1.attacker.example', `0.0.0.0:${port}`, 'localhost']) {
        const answer = await send(route, { ...key, host });
        expect([route.path, answer.status, codeOf(answer)]).toEqual([route.path, 403, 'FORBIDDEN_HOST']);
      }
  });

  test('opens its WebSocket to key holders of its own origin only', async () => {
    const url = server.url + server.webSocket;
    await expect(tryWebSocket(url, key)).resolves.toBe(server.welcome);
    await expect(tryWebSocket(url, { ...key, origin: server.url })).resolves.toBe(server.welcome);
    await expect(tryWebSocket(url, {})).resolves.toBe(401);
    await expect(tryWebSocket(url, { ...key, origin: 'http://attacker.example' })).resolves.toBe(403);
    await expect(tryWebSocket(url, { ...key, host: 'attacker.example' })).resolves.toBe(403);
  });
});
