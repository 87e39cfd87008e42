import { afterAll, beforeAll, expect, test } from 'vitest';
import { awaitRunning, makeRunningVm, showVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { ErrorBody } from '../../contracts/errors.ts';
import { ExecuteResponse } from '../../contracts/execution.ts';
import { ForkVmResponse, SnapshotList, type Vm, VmSnapshot } from '../../contracts/vms.ts';

const readyTimeoutMs = 240_000;
let service: TestVmService;

beforeAll(async () => {
  service = await startTestVmService({ pool: { least: 1, most: 1, memoryBytes: 2 ** 30 } });
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
}, readyTimeoutMs);
afterAll(() => service.close());

const show = (id: string): Promise<Vm> => showVm(service, id);
const makeRunning = (body: object): Promise<string> => makeRunningVm(service, body);
const run = async (vmId: string, code: string): Promise<string> => {
  const response = await service.post('/api/llm/execute', { language: 'bash', code, vm_id: vmId });
  return ExecuteResponse.parse(await response.json()).stdout;
};
const list = async (query = ''): Promise<VmSnapshot[]> =>
  SnapshotList.parse(await (await service.call(`/api/v1/snapshots${query}`)).json()).snapshots;
const refusal = async (response: Promise<Response>): Promise<string> =>
  ErrorBody.parse(await (await response).json()).code;

test('snapshots are made, listed, shown, used and deleted', async () => {
  const source = await makeRunning({});
  await run(source, 'echo before > note');
  const headers = { 'idempotency-key': 'once' };
  const take = (): Promise<Response> =>
    service.post(`/api/v1/vms/${source}/snapshots`, { name: 'mine', metadata: { a: 'b' } }, { headers });
  const snapshot = VmSnapshot.parse(await (await take()).json());
  expect(VmSnapshot.parse(await (await take()).json())).toEqual(snapshot);
  expect(snapshot).toMatchObject({ name: 'mine', vm_id: source, metadata: { a: 'b' } });
  expect(await list()).toEqual([snapshot]);
  expect(await list(`?vm_id=${source}`)).toEqual([snapshot]);
  expect(await list('?vm_id=vm-00000000')).toEqual([]);
  expect(await (await service.call(`/api/v1/snapshots/${snapshot.id}`)).json()).toEqual(snapshot);

  const body = { dry_run: true, older_than_seconds: 0.000_001 };
  expect(await (await service.post('/api/v1/snapshots/gc', body)).json()).toMatchObject({
    removed: [{ id: snapshot.id, name: 'mine', reason: 'old' }],
    dry_run: true,
  });
  const { used_bytes: used } = SnapshotList.parse(await (await service.call('/api/v1/snapshots')).json());
  expect(used).toBeGreaterThan(0);

  const exported = await service.call(`/api/v1/snapshots/${snapshot.id}/archive`);
  expect(exported.headers.get('content-type')).toBe('application/gzip');
  const type = { 'content-type': 'application/gzip' };
  const archive = await exported.arrayBuffer();
  const importArchive = (init: RequestInit): Promise<Response> =>
    service.call('/api/v1/snapshots/import', { method: 'POST', ...init });
  const imported = VmSnapshot.parse(await (await importArchive({ headers: type, body: archive })).json());
  expect(imported).toMatchObject({ name: 'mine', vm_id: source, metadata: { a: 'b' } });
  expect(await refusal(importArchive({ headers: type, body: 'x' }))).toBe('INVALID_REQUEST');
  expect(await refusal(importArchive({ headers: { 'content-type': 'application/json' }, body: '{}' }))).toBe(
    'UNSUPPORTED_MEDIA_TYPE',
  );
  await service.call(`/api/v1/snapshots/${imported.id}`, { method: 'DELETE' });

  const copy = await makeRunning({ snapshot_id: snapshot.id, metadata: { of: 'mine' } });
  expect(await run(copy, 'cat note; hostname')).toBe(`before\n${copy}\n`);
  expect(await show(copy)).toMatchObject({ snapshot_id: snapshot.id, metadata: { of: 'mine' } });

  const url = `/api/v1/snapshots/${snapshot.id}`;
  expect(await (await service.call(url, { method: 'DELETE' })).json()).toEqual({ id: snapshot.id, status: 'deleted' });
  expect(await refusal(service.call(url))).toBe('VM_SNAPSHOT_NOT_FOUND');
  expect(await refusal(service.call(url, { method: 'DELETE' }))).toBe('VM_SNAPSHOT_NOT_FOUND');
  expect(await refusal(service.post('/api/v1/vms', { snapshot_id: snapshot.id }))).toBe('VM_SNAPSHOT_NOT_FOUND');
  expect(await refusal(service.post('/api/v1/vms/vm-00000000/snapshots', {}))).toBe('VM_NOT_FOUND');
  expect(await run(copy, 'cat note')).toBe('before\n');
});

test('POST /api/v1/vms/:id/forks makes VMs that say where they come from', async () => {
  const source = await makeRunning({ name: 'source' });
  await run(source, 'echo before > note');
  const response = await service.post(`/api/v1/vms/${source}/forks`, {
    count: 2,
    name: 'try',
    metadata: { try: 'yes' },
  });
  const { forks } = ForkVmResponse.parse(await response.json());
  expect(forks.map(({ name, status }) => [name, status])).toEqual([
    ['try-1', 'creating'],
    ['try-2', 'creating'],
  ]);
  for (const { id } of forks) {
    await awaitRunning(service, id);
    expect(await run(id, 'cat note; hostname')).toBe(`before\n${id}\n`);
    const vm = await show(id);
    expect([vm.forked_from, vm.snapshot_id, vm.metadata]).toEqual([source, undefined, { try: 'yes' }]);
  }
  expect(await list()).toEqual([]);
  for (const body of [{ count: 0 }, { count: 101 }, { count: 1.5 }])
    expect(await refusal(service.post(`/api/v1/vms/${source}/forks`, body))).toBe('INVALID_REQUEST');
  expect(await refusal(service.post(`/api/v1/vms/${source}/forks`, { count: 100 }))).toBe('LIMIT_EXCEEDED');
});
