import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeRunningVm, showVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { ErrorBody } from '../../contracts/errors.ts';
import { ExecuteResponse } from '../../contracts/execution.ts';
import { Vm, VmList } from '../../contracts/vms.ts';

const readyTimeoutMs = 240_000;
let service: TestVmService;

beforeAll(async () => {
  service = await startTestVmService({ pool: { least: 1, most: 1, memoryBytes: 2 ** 30 } });
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
}, readyTimeoutMs);
afterAll(() => service.close());

const show = (id: string): Promise<Vm> => showVm(service, id);
const act = async (path: string, body?: object): Promise<Vm> => {
  const response = await service.call(path, { method: 'POST', ...(body === undefined ? {} : toJson(body)) });
  expect(response.status).toBe(200);
  return Vm.parse(await response.json());
};
const toJson = (body: object): RequestInit => ({
  body: JSON.stringify(body),
  headers: { 'content-type': 'application/json' },
});
const refusal = async (response: Response): Promise<string> => ErrorBody.parse(await response.json()).code;

const makeRunning = (body?: object): Promise<string> => makeRunningVm(service, body);
const remove = (id: string): Promise<Response> => service.call(`/api/v1/vms/${id}`, { method: 'DELETE' });

describe.each(['/api', '/api/v1'])('POST %s/vms/:id/pause and /resume', (prefix) => {
  test('pause, show and resume a VM, as often as they are asked', async () => {
    const id = await makeRunning();
    for (const action of ['pause', 'pause', 'resume', 'resume', 'pause']) {
      const status = action === 'pause' ? 'paused' : 'running';
      expect((await act(`${prefix}/vms/${id}/${action}`)).status).toBe(status);
      expect((await show(id)).status).toBe(status);
    }
    const request = { agent_id: 'a', language: 'bash', code: 'echo awake', vm_id: id };
    const answer = ExecuteResponse.parse(await (await service.post('/api/llm/execute', request)).json());
    expect(answer.stdout).toBe('awake\n');
    expect((await show(id)).status).toBe('running');
    await act(`${prefix}/vms/${id}/pause`);
    expect((await remove(id)).status).toBe(200);
    const gone = await service.call(`${prefix}/vms/${id}/resume`, { method: 'POST' });
    expect(await refusal(gone)).toBe('VM_NOT_FOUND');
  });
});

const create = (body: object, key?: string): Promise<Response> =>
  service.post('/api/v1/vms', body, key === undefined ? {} : { headers: { 'idempotency-key': key } });
const idOf = async (response: Promise<Response>): Promise<string> =>
  ((await (await response).json()) as { id: string }).id;
const list = async (query: string): Promise<VmList> => {
  const response = await service.call(`/api/v1/vms?${query}`);
  expect(response.status).toBe(200);
  return VmList.parse(await response.json());
};

describe('timeout_seconds and on_timeout', () => {
  test('delete the VM', async () => {
    const id = await makeRunning({ timeout_seconds: 2 });
    await expect.poll(async () => (await service.call(`/api/v1/vms/${id}`)).status, { timeout: 30_000 }).toBe(404);
  });

  test('pause the VM, which has its whole time again when it is resumed', async () => {
    const id = await makeRunning({ timeout_seconds: 600, on_timeout: 'pause' });
    expect(await show(id)).toMatchObject({ timeout_seconds: 600, on_timeout: 'pause' });
    await act(`/api/v1/vms/${id}/timeout`, { timeout_seconds: 0.5 });
    await expect.poll(async () => (await show(id)).status, { timeout: 30_000 }).toBe('paused');
    expect((await show(id)).expires_at).toBeUndefined();
    await act(`/api/v1/vms/${id}/timeout`, { timeout_seconds: 900 });
    expect((await show(id)).expires_at).toBeUndefined();
    const leftMs = Date.parse((await act(`/api/v1/vms/${id}/resume`)).expires_at ?? '') - Date.now();
    expect(leftMs).toBeGreaterThan(800_000);
    await remove(id);
  });

  test('are moved later by resuming, never earlier, and can be taken away', async () => {
    const id = await makeRunning({ timeout_seconds: 600 });
    const { expires_at: first = '' } = await show(id);
    expect((await act(`/api/v1/vms/${id}/resume`, { timeout_seconds: 1 })).expires_at).toBe(first);
    const { expires_at: later = '' } = await act(`/api/v1/vms/${id}/resume`, { timeout_seconds: 6000 });
    expect(Date.parse(later) - Date.parse(first)).toBeGreaterThan(5_000_000);
    const { expires_at: shorter = '' } = await act(`/api/v1/vms/${id}/timeout`, { timeout_seconds: 60 });
    expect(Date.parse(shorter)).toBeLessThan(Date.parse(first));
    const unlimited = await act(`/api/v1/vms/${id}/timeout`, { timeout_seconds: null });
    expect([unlimited.expires_at, unlimited.timeout_seconds, unlimited.on_timeout]).toEqual([
      undefined,
      undefined,
      'kill',
    ]);
    expect((await act(`/api/v1/vms/${id}/resume`, { timeout_seconds: 1 })).expires_at).toBeUndefined();
    await remove(id);
  });
});

describe('POST /api/v1/vms', () => {
  test('gives every execution the environment, which no answer shows', async () => {
    const id = await makeRunning({ env: { GREETING: 'hello', WHO: 'world' } });
    const request = { language: 'bash', code: 'echo $GREETING $WHO', vm_id: id, environment: { WHO: 'you' } };
    const answer = ExecuteResponse.parse(await (await service.post('/api/llm/execute', request)).json());
    expect(answer.stdout).toBe('hello you\n');
    expect(await (await service.call('/api/v1/vms')).text()).not.toContain('hello');
    await remove(id);
  });

  test('makes one VM for one Idempotency-Key', async () => {
    const body = { vm_name: 'once', metadata: { a: '1', b: '2' } };
    const again = { metadata: { b: '2', a: '1' }, vm_name: 'once' };
    const ids = await Promise.all([create(body, 'key'), create(again, 'key')].map(idOf));
    expect(ids[1]).toBe(ids[0]);
    const other = await create({ vm_name: 'other' }, 'key');
    expect([other.status, await refusal(other)]).toEqual([409, 'CONFLICT']);
    const pool = service.post('/api/vm-pool/allocate', body, { headers: { 'idempotency-key': 'key' } });
    expect(await idOf(pool)).toBe(ids[0]);
    expect((await list('name=once')).total).toBe(1);
    await remove(ids[0] ?? '');
  });

  test.each([
    { metadata: { 'no spaces': 'x' } },
    { metadata: { key: 7 } },
    { metadata: Object.fromEntries(Array.from({ length: 65 }, (_, index) => [`k${index}`, 'v'])) },
    { env: { '1BAD': 'x' } },
    { timeout_seconds: 0 },
    { timeout_seconds: 604_801 },
    { on_timeout: 'explode' },
  ])('refuses %o', async (body) => {
    expect(await refusal(await create(body))).toBe('INVALID_REQUEST');
  });
});

describe('GET /api/v1/vms', () => {
  test('filters and pages', async () => {
    const metadata = { job: 'list' };
    const ids = await Promise.all(['one', 'two', 'two'].map((name) => makeRunning({ name, metadata })));
    const [one = ''] = ids;
    await act(`/api/v1/vms/${one}/pause`);
    expect((await list('state=paused')).vms.map(({ id }) => id)).toEqual([one]);
    expect((await list('state=running&metadata.job=list')).total).toBe(2);
    expect((await list('name=two&metadata.job=list')).total).toBe(2);
    expect((await list('metadata.job=other')).vms).toEqual([]);
    const first = await list('metadata.job=list&limit=2');
    expect([first.total, first.vms.length]).toEqual([3, 2]);
    const rest = await list(`metadata.job=list&limit=2&cursor=${first.next_cursor}`);
    expect(rest.next_cursor).toBeUndefined();
    expect([...first.vms, ...rest.vms].map(({ id }) => id).toSorted()).toEqual(ids.toSorted());
    await Promise.all(ids.map(remove));
  });

  test.each(['state=asleep', 'limit=0', 'limit=x', 'cursor=nonsense', 'color=red', 'constructor=x', 'name=a&name=b'])(
    'refuses ?%s',
    async (query) => {
      expect(await refusal(await service.call(`/api/v1/vms?${query}`))).toBe('INVALID_REQUEST');
    },
  );
});
