import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Clock } from '../lib/clock.ts';
import { silentLogger } from '../lib/log.ts';
import { createHttpServer, type HttpServer, listen, principalOf } from '../http/index.ts';
import { openRecords, type Records } from '../store/index.ts';
import { addGatewayRoutes, createGateway, createRemoteAuthenticator, sessionCookieName } from './index.ts';

const serviceKey = 'service-key-of-the-test';
let records: Records;
let now: number;
const clock: Clock = { now: () => now, monotonic: () => now, sleep: async () => undefined };
const servers: HttpServer[] = [];

beforeEach(async () => {
  now = Date.parse('2026-01-01T00:00:00Z');
  records = await openRecords({ path: ':memory:' });
});
afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => server.close()));
  await records.close();
});

async function start(openOnLoopback = false): Promise<string> {
  let url = '';
  const gateway = createGateway({ records, serviceKey, openOnLoopback, publicUrl: () => url, clock });
  const app = await createHttpServer({
    service: 'test',
    title: 'Test',
    description: 'Gateway',
    logger: silentLogger,
    documentation: false,
    authenticate: gateway.authenticate,
  });
  servers.push(app);
  addGatewayRoutes(app, gateway);
  app.get('/me', async (request) => principalOf(request));
  url = await listen(app, { port: 0 });
  return url;
}

const bearer = (key: string): Record<string, string> => ({ authorization: `Bearer ${key}` });
const post = (url: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { 'content-type': 'application/json', ...headers },
  });

async function makeToken(url: string): Promise<string> {
  const link = (await (await post(`${url}/api/v1/login-links`, {}, bearer(serviceKey))).json()) as { url: string };
  expect(link.url.startsWith(`${url}/#login=`)).toBe(true);
  return link.url.split('=')[1]!;
}

async function logIn(url: string): Promise<string> {
  const response = await post(`${url}/api/v1/login`, { token: await makeToken(url) });
  return response.headers.get('set-cookie')!.split(';')[0]!;
}

const statusWith = async (url: string, headers: Record<string, string>): Promise<number> =>
  (await fetch(url, { headers })).status;

describe('a login link', () => {
  test('opens one session with a strict cookie that names the instance', async () => {
    const url = await start();
    const token = await makeToken(url);
    const response = await post(`${url}/api/v1/login`, { token });
    const cookie = response.headers.get('set-cookie')!;
    expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie.startsWith(`${sessionCookieName(serviceKey)}=`)).toBe(true);
    await expect((await fetch(`${url}/me`, { headers: { cookie } })).json()).resolves.toMatchObject({ via: 'session' });
    const again = await post(`${url}/api/v1/login`, { token });
    expect(again.status).toBe(401);
    await expect(again.json()).resolves.toMatchObject({ code: 'LOGIN_TOKEN_INVALID' });
  });

  test('is good for ten minutes', async () => {
    const url = await start();
    const [early, late] = [await makeToken(url), await makeToken(url)];
    now += 10 * 60_000 - 1;
    expect((await post(`${url}/api/v1/login`, { token: early })).status).toBe(200);
    now += 1;
    expect((await post(`${url}/api/v1/login`, { token: late })).status).toBe(401);
  });

  test('cannot be guessed without end', async () => {
    const url = await start();
    const codes: number[] = [];
    for (let attempt = 0; attempt < 21; attempt += 1)
      codes.push((await post(`${url}/api/v1/login`, { token: `wrong-${attempt}` })).status);
    expect(codes).toEqual([...Array<number>(20).fill(401), 429]);
    now += 60_000;
    expect((await post(`${url}/api/v1/login`, { token: await makeToken(url) })).status).toBe(200);
  });
});

describe('a session', () => {
  test('ends with logout', async () => {
    const url = await start();
    const cookie = await logIn(url);
    expect((await fetch(`${url}/api/v1/logout`, { method: 'POST', headers: { cookie } })).status).toBe(200);
    expect(await statusWith(`${url}/me`, { cookie })).toBe(401);
  });

  test('ends a week after its last use, and after thirty days in any case', async () => {
    const url = await start();
    const day = 24 * 3_600_000;
    const [idle, busy] = [await logIn(url), await logIn(url)];
    for (let days = 6; days < 30; days += 6) {
      now += 6 * day;
      expect(await statusWith(`${url}/me`, { cookie: busy })).toBe(200);
    }
    expect(await statusWith(`${url}/me`, { cookie: idle })).toBe(401);
    now += 6 * day;
    expect(await statusWith(`${url}/me`, { cookie: busy })).toBe(401);
  });
});

describe('an API key', () => {
  test('works until it is revoked and is shown once', async () => {
    const url = await start();
    const created = (await (await post(`${url}/api/v1/keys`, { name: 'ci' }, bearer(serviceKey))).json()) as {
      id: string;
      key: string;
    };
    expect(created.key).toMatch(/^bb_[\w-]{43}$/);
    await expect((await fetch(`${url}/me`, { headers: bearer(created.key) })).json()).resolves.toEqual({
      kind: 'owner',
      via: 'api-key',
      id: created.id,
    });
    const list = await (await fetch(`${url}/api/v1/keys`, { headers: bearer(created.key) })).text();
    expect(list).toContain(created.id);
    expect(list).not.toContain(created.key);
    const revoke = { method: 'DELETE', headers: bearer(serviceKey) };
    expect((await fetch(`${url}/api/v1/keys/${created.id}`, revoke)).status).toBe(200);
    expect((await fetch(`${url}/api/v1/keys/${created.id}`, revoke)).status).toBe(404);
    expect(await statusWith(`${url}/me`, bearer(created.key))).toBe(401);
  });

  test('that is wrong is not saved by a good cookie', async () => {
    const url = await start();
    expect(await statusWith(`${url}/me`, { cookie: await logIn(url), ...bearer('bb_wrong') })).toBe(401);
  });
});

describe('an open door on loopback', () => {
  test('lets this machine in without a key, but gives it no keys', async () => {
    const url = await start(true);
    await expect((await fetch(`${url}/me`)).json()).resolves.toMatchObject({ via: 'loopback' });
    expect((await post(`${url}/api/v1/keys`, { name: 'x' })).status).toBe(403);
    expect((await post(`${url}/api/v1/login-links`, {})).status).toBe(403);
  });

  test.each([
    ['a proxy on this machine', { 'x-forwarded-for': '203.0.113.5' }, 401],
    ['a wrong key', bearer('bb_wrong'), 401],
    ['a page of another origin', { origin: 'http://attacker.example' }, 403],
  ])('stays closed for %s', async (_name, headers, status) => {
    expect(await statusWith(`${await start(true)}/me`, headers)).toBe(status);
  });

  test('is shut by default', async () => {
    expect(await statusWith(`${await start()}/me`, {})).toBe(401);
  });
});

describe('createRemoteAuthenticator()', () => {
  async function startOther(verifyUrl: string): Promise<string> {
    const app = await createHttpServer({
      service: 'vm',
      title: 'VM',
      description: 'Asks the other',
      logger: silentLogger,
      documentation: false,
      authenticate: createRemoteAuthenticator({ serviceKey, verifyUrl, clock }),
    });
    servers.push(app);
    app.get('/me', async (request) => principalOf(request));
    return listen(app, { port: 0 });
  }

  test('takes what the agent server takes, and learns of a revoked key within five seconds', async () => {
    const agents = await start();
    const other = await startOther(`${agents}/api/v1/auth/verify`);
    const { id } = await records.apiKeys.create({ secret: 'bb_good', name: 'x', now });
    expect(await statusWith(`${other}/me`, bearer('bb_good'))).toBe(200);
    expect(await statusWith(`${other}/me`, { cookie: await logIn(agents) })).toBe(200);
    expect(await statusWith(`${other}/me`, bearer('bb_wrong'))).toBe(401);
    await records.apiKeys.revoke(id, now);
    now += 5000;
    expect(await statusWith(`${other}/me`, bearer('bb_good'))).toBe(401);
  });

  test('lets only the service key pass when the agent server does not answer', async () => {
    const other = await startOther('http://127.0.0.1:9/api/v1/auth/verify');
    expect(await statusWith(`${other}/me`, bearer(serviceKey))).toBe(200);
    expect(await statusWith(`${other}/me`, bearer('bb_any'))).toBe(503);
  });

  test('is answered for own processes only', async () => {
    const url = await start();
    const cookie = await logIn(url);
    expect((await post(`${url}/api/v1/auth/verify`, { bearer: 'bb_any' }, { cookie })).status).toBe(403);
  });
});
