import { mkdtemp, mkdir, rm, writeFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:http';
import { request as rawRequest, type IncomingMessage } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WebSocket } from 'ws';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ParallelResponse, RunStatus, type RunEvent } from '../../contracts/runs.ts';
import { SystemStatus } from '../../contracts/health.ts';
import { createMemoryEngine } from '../../engine/index.ts';
import { listen } from '../../http/index.ts';
import { silentLogger } from '../../lib/log.ts';
import { createAgentClient } from '../../sdk/index.ts';
import { openRecords, type Records } from '../../store/index.ts';
import { type FakeOllama, startFakeOllama } from '../../../test/fixtures/fake-ollama/index.ts';
import { type Composition, composeAgentServer } from './compose.ts';

const serviceKey = 'service-key-of-this-test';
const key = { authorization: `Bearer ${serviceKey}` };
let ollama: FakeOllama;
let vmService: Server;
let records: Records;
let server: Composition;
let pages: string;
let url = '';

/** What a VM service is on the wire, as far as the proxy sees it: it says what it was asked. */
async function startVmWire(): Promise<string> {
  vmService = createServer((request, response) => {
    response.writeHead(request.url === '/health' ? 503 : 200, { 'content-type': 'application/json' });
    const { authorization: as, 'last-event-id': after, 'idempotency-key': once } = request.headers;
    response.end(JSON.stringify({ asked: `${request.method} ${request.url}`, as, after, once }));
  });
  vmService.listen(0, '127.0.0.1');
  await once(vmService, 'listening');
  return `http://127.0.0.1:${(vmService.address() as AddressInfo).port}`;
}

beforeAll(async () => {
  ollama = await startFakeOllama({ models: ['fake:latest'] });
  pages = await mkdtemp(join(tmpdir(), 'bigbox-pages-'));
  await mkdir(join(pages, 'assets'));
  await writeFile(join(pages, 'index.html'), '<!doctype html><title>Bigbox</title>');
  await writeFile(join(pages, 'assets', 'main-abc.js'), 'export {};');
  records = await openRecords({ path: ':memory:' });
  server = await composeAgentServer(
    {
      dataDir: '',
      port: 0,
      model: { provider: 'ollama', name: 'fake:latest', baseUrl: ollama.url },
      modelServiceUrl: ollama.url,
      vmUrl: await startVmWire(),
      execution: { enabled: false, languages: [] },
      limits: { concurrentRuns: 4, concurrentModelCalls: 4 },
      openOnLoopback: false,
      allowedOrigins: [],
      configuration: { roles: { Default: { llm_api_key: '[redacted]' } } },
      notices: ['a notice'],
      pagesDir: pages,
      logger: silentLogger,
    },
    { records, engine: createMemoryEngine(), serviceKey, publicUrl: () => url },
  );
  url = await listen(server.app, { port: 0 });
});

afterAll(async () => {
  await server.close();
  await records.close();
  await ollama.close();
  vmService.close();
  await rm(pages, { recursive: true });
});

const get = (path: string, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url + path, { headers: { ...key, ...headers } });
const post = (path: string, body: unknown, headers: Record<string, string> = {}): Promise<Response> =>
  fetch(url + path, {
    method: 'POST',
    body: JSON.stringify(body),
    headers: { ...key, 'content-type': 'application/json', ...headers },
  });
const client = () => createAgentClient({ baseUrl: url, key: serviceKey });
const soon = (): AbortSignal => AbortSignal.timeout(10_000);
const statusOf = async (id: string): Promise<RunStatus> =>
  RunStatus.parse(await (await get(`/workflows/${id}/status`)).json());

describe('POST /workflows/parallel', () => {
  test("answers upstream's shape when the run has ended", async () => {
    const response = await post('/api/workflows/parallel', {
      prompt: 'The price of bread',
      role: 'NoSuchRole',
      overall_role: 'engineering_agent',
      perspectives: ['analytical', 'critical'],
    });
    const answer = ParallelResponse.parse(await response.json());
    expect(response.status).toBe(200);
    expect(answer).toMatchObject({ success: true, metadata: { pattern: 'parallelization', role: 'NoSuchRole' } });
    expect(answer.result?.parallel_tasks.map(({ perspective }) => perspective)).toEqual(['analytical', 'critical']);
    expect(answer.result).toEqual((await statusOf(answer.workflow_id)).result);
  });

  test('answers with the id at once when asked, and streams the same events again from any number', async () => {
    const response = await post(
      '/workflows/parallel',
      { prompt: 'The price of milk', perspectives: ['analytical'] },
      { prefer: 'respond-async' },
    );
    const { workflow_id: id } = (await response.json()) as { workflow_id: string };
    expect([response.status, response.headers.get('location')]).toEqual([202, `/workflows/${id}/status`]);
    const events: RunEvent[] = await Array.fromAsync(client().events(id, { signal: soon() }));
    expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_event, index) => index + 1));
    expect(events.at(-1)).toMatchObject({ type: 'run-finished', status: 'completed' });

    const resumed = await (await get(`/workflows/${id}/events`, { 'last-event-id': String(events.length - 1) })).text();
    expect(resumed).toBe(`id: ${events.length}\ndata: ${JSON.stringify(events.at(-1))}\n\n`);
    expect((await get(`/workflows/${id}/events?after=${events.length}`)).status).toBe(204);
  });

  test('joins a run in progress when a client sends the same again, and cancel ends it', async () => {
    const hold = ollama.journal.hold('The price of salt');
    const body = { prompt: 'The price of salt', perspectives: ['analytical'], async: true };
    const first = (await (await post('/workflows/parallel', body)).json()) as { workflow_id: string };
    await hold.entered;
    const second = await (await post('/workflows/parallel', body)).json();
    expect(second).toMatchObject({ workflow_id: first.workflow_id, joined: true });
    const waiting = post('/workflows/parallel', { ...body, async: false });
    expect((await post(`/workflows/${first.workflow_id}/cancel`, {})).status).toBe(200);
    await expect((await waiting).json()).resolves.toMatchObject({ success: false, workflow_id: first.workflow_id });
    expect((await statusOf(first.workflow_id)).status).toBe('cancelled');
    hold.release();
  });

  test.each([
    [{}, 'INVALID_REQUEST', 400],
    [{ prompt: 'x', perspectives: ['psychic'] }, 'PERSPECTIVE_UNKNOWN', 400],
    [{ prompt: 'x', llm_config: { llm_temperature: 9 } }, 'INVALID_REQUEST', 400],
  ])('refuses %j', async (body, code, status) => {
    const response = await post('/workflows/parallel', body);
    expect(response.status).toBe(status);
    await expect(response.json()).resolves.toMatchObject({ status: 'error', code });
  });
});

describe('runs', () => {
  test('are listed, traced and exported', async () => {
    const { workflow_id: id } = ParallelResponse.parse(
      await (await post('/workflows/parallel', { prompt: 'The price of ink', perspectives: ['practical'] })).json(),
    );
    const list = RunStatus.array().parse(await (await get('/workflows?limit=1')).json());
    expect(list.map((run) => [run.id, run.result])).toEqual([[id, undefined]]);
    await expect((await get(`/api/workflows/${id}/trace`)).json()).resolves.toMatchObject({ status: 'completed' });
    expect((await get(`/api/v1/runs/${id}`)).status).toBe(200);

    const file = await get(`/workflows/${id}/export?format=markdown`);
    expect(file.headers.get('content-disposition')).toBe(`attachment; filename="${id}.md"`);
    const text = await file.text();
    const summary = (await statusOf(id)).result?.parallel_tasks[0]?.answer?.summary;
    expect(text.startsWith('# The price of ink\n')).toBe(true);
    expect(text).toContain(summary);
    await expect((await get(`/workflows/${id}/export?format=json`)).json()).resolves.toMatchObject({ id });
  });

  test.each(['status', 'trace', 'events', 'export'])('that do not exist have no %s', async (part) => {
    const response = await get(`/workflows/workflow_nowhere/${part}`);
    await expect(response.json()).resolves.toMatchObject({ code: 'RUN_NOT_FOUND' });
  });
});

describe('the live socket', () => {
  interface Frame {
    response_type: string;
    workflowId?: string;
    workflow_id?: string;
    sessionId?: string;
    success: boolean;
    data: Record<string, unknown>;
  }

  async function openSocket(): Promise<{ socket: WebSocket; next: (type: string) => Promise<Frame>; seen: Frame[] }> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/ws`, { headers: key });
    const seen: Frame[] = [];
    const waiting = new Set<() => void>();
    socket.on('message', (data) => {
      seen.push(JSON.parse(String(data as Buffer)) as Frame);
      for (const wake of waiting) wake();
    });
    const next = async (type: string): Promise<Frame> => {
      for (;;) {
        const frame = seen.find(({ response_type: found }) => found === type);
        if (frame !== undefined) return frame;
        await new Promise<void>((resolve) => waiting.add(resolve));
      }
    };
    await next('connection_established');
    return { socket, next, seen };
  }

  test('delivers the frames of every run to a client without subscriptions', async () => {
    const { socket, next, seen } = await openSocket();
    const id = await client().startParallel({ prompt: 'The price of tea', perspectives: ['analytical'] });
    const completed = await next('workflow_completed');
    expect(completed).toMatchObject({ workflow_id: id, workflowId: id, sessionId: id, success: true });
    expect(completed.data['result']).toEqual((await statusOf(id)).result);
    expect(seen.map(({ response_type: type }) => type)).toEqual(
      expect.arrayContaining(['workflow_started', 'workflow_progress']),
    );
    socket.terminate();
  });

  test('sends only the runs subscribed to, with their events when asked', async () => {
    const first = await client().startParallel({ prompt: 'The price of oil', perspectives: ['analytical'] });
    await Array.fromAsync(client().events(first, { signal: soon() }));
    const { socket, next, seen } = await openSocket();
    socket.send(JSON.stringify({ command_type: 'subscribe_workflow', workflow_id: first, data: { after: 0 } }));
    await expect(next('workflow_subscribed')).resolves.toMatchObject({ data: { total_subscriptions: 1 } });
    const second = await client().startParallel({ prompt: 'The price of gas', perspectives: ['analytical'] });
    await Array.fromAsync(client().events(second, { signal: soon() }));
    socket.send(JSON.stringify({ command_type: 'get_session_info' }));
    await expect(next('session_info')).resolves.toMatchObject({ data: { subscribed_workflows: [first] } });
    const events = seen.filter(({ response_type: type }) => type === 'workflow_event');
    expect(events.map(({ data }) => data['sequence'])).toEqual(events.map((_frame, index) => index + 1));
    expect(events.length).toBeGreaterThan(3);
    expect(seen.some(({ workflowId }) => workflowId === second)).toBe(false);
    socket.terminate();
  });

  test.each([
    ['broken JSON', '{'],
    ['an unknown command', '{"command_type":"explode"}'],
    ['a command without its run', '{"command_type":"get_workflow_status"}'],
    ['a binary frame', Buffer.from('{"command_type":"ping"}')],
  ])('answers %s with an error and goes on', async (_name, message) => {
    const { socket, next } = await openSocket();
    socket.send(message);
    await expect(next('error')).resolves.toMatchObject({ success: false });
    socket.send('{"command_type":"heartbeat"}');
    await expect(next('pong')).resolves.toMatchObject({ success: true });
    socket.terminate();
  });
});

describe('the other routes', () => {
  test('say who they are and what can be asked for', async () => {
    await expect((await fetch(`${url}/health`)).json()).resolves.toMatchObject({
      service: 'terraphim-server',
      capabilities: expect.arrayContaining(['parallel']) as unknown,
    });
    const system = SystemStatus.parse(await (await get('/api/v1/system')).json());
    expect(system).toMatchObject({
      url,
      model: { state: 'ready', name: 'fake:latest' },
      vm: { state: 'unavailable' },
      notices: ['a notice'],
    });
    await expect((await get('/config')).json()).resolves.toEqual({
      status: 'success',
      config: { roles: { Default: { llm_api_key: '[redacted]' } } },
    });
    const catalog = (await (await get('/api/v1/catalog')).json()) as { perspectives: { id: string }[] };
    expect(catalog.perspectives.map(({ id }) => id)).toContain('user_centered');
    expect(await (await get('/metrics')).text()).toContain('bigbox_http_request_duration_seconds_count{');
  });

  test.each(['prompt-chain', 'route', 'orchestrate', 'optimize', 'vm-execution-demo'])(
    'say that %s is not built yet, and answer its OPTIONS',
    async (pattern) => {
      const response = await post(`/workflows/${pattern}`, { prompt: 'x' });
      expect(response.status).toBe(501);
      await expect(response.json()).resolves.toMatchObject({ code: 'NOT_SUPPORTED' });
      expect((await fetch(`${url}/workflows/${pattern}`, { method: 'OPTIONS' })).status).toBe(204);
    },
  );

  test.each([
    '/workflows',
    '/config',
    '/metrics',
    '/api/v1/system',
    '/api/v1/keys',
    '/api/v1/vms',
    '/api/v1/snapshots',
    '/api/workflows',
  ])('%s asks for a key', async (path) => {
    expect((await fetch(url + path)).status).toBe(401);
  });

  test('pass VM calls on in the name of the server, and nothing beside them', async () => {
    await expect((await get('/api/v1/vms/vm-1/files?path=/etc')).json()).resolves.toEqual({
      asked: 'GET /api/v1/vms/vm-1/files?path=/etc',
      as: `Bearer ${serviceKey}`,
    });
    const repeated = await get('/api/v1/vms/vm-1/files', { 'last-event-id': '7', 'idempotency-key': 'mine' });
    await expect(repeated.json()).resolves.toMatchObject({ after: '7', once: 'mine' });
    for (const path of ['/api/v1/snapshots?vm_id=vm-1', '/api/vm-pool/stats'])
      await expect((await get(path)).json()).resolves.toMatchObject({ asked: `GET ${path}` });
    const escape = rawRequest(url, { path: '/api/v1/vms/%2e%2e/%2e%2e/llm/execute', headers: key });
    escape.end();
    const [response] = (await once(escape, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(404);
    response.resume();
  });
});

describe('the pages', () => {
  test.each(['/', '/parallelization/', '/runs', '/runs/workflow_1', '/machines', '/machines/vm-1'])(
    'are served at %s',
    async (path) => {
      const response = await fetch(url + path);
      expect(await response.text()).toContain('<title>Bigbox</title>');
      expect(response.headers.get('content-security-policy')).toContain(`script-src 'self';`);
    },
  );

  test.each([
    '/nothing',
    '/settings',
    '/api',
    '/api/nothing',
    '/runs/1/2',
    '/assets/none.js',
    '/assets/../../package.json',
  ])('are not served at %s', async (path) => {
    const response = await fetch(url + path);
    expect(response.status).toBe(404);
    await expect(response.json()).resolves.toMatchObject({ code: 'NOT_FOUND' });
  });

  test('may be kept for ever when their name says what they hold', async () => {
    expect((await fetch(`${url}/assets/main-abc.js`)).headers.get('cache-control')).toContain('immutable');
    expect((await fetch(url)).headers.get('cache-control')).toBe('no-cache');
  });
});
