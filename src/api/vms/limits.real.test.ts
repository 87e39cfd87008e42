import { once } from 'node:events';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { makeRunningVm, showVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, testServiceKey, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { ErrorBody } from '../../contracts/errors.ts';
import { type LimitName, LimitList } from '../../contracts/limits.ts';
import type { VmProcess } from '../../contracts/processes.ts';

const readyTimeoutMs = 240_000;
const limits = {
  maxVcpus: 2,
  maxSnapshots: 1,
  maxForks: 1,
  maxProcesses: 2,
  maxUploadBytes: 1000,
  maxRunSeconds: 100,
  maxConnections: 8,
};
let service: TestVmService;
let vmId: string;
let processId: string;

beforeAll(async () => {
  service = await startTestVmService({ limits });
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
}, readyTimeoutMs);
afterAll(() => service.close());

interface Refusal {
  readonly status: number;
  readonly code: string;
  readonly limit: unknown;
}

async function refusalOf(response: Response): Promise<Refusal> {
  const { code, context, remedy } = ErrorBody.parse(await response.json());
  expect(remedy.length).toBeGreaterThan(10);
  return { status: response.status, code, limit: context['limit'] };
}

const exceeded = (limit: LimitName): Refusal => ({ status: 429, code: 'LIMIT_EXCEEDED', limit });
const post = (path: string, body: object): Promise<Response> => service.post(`/api/v1/vms/${vmId}${path}`, body);

describe('limits', () => {
  test('leave room for what they allow', async () => {
    vmId = await makeRunningVm(service);
    ({ id: processId } = (await (await post('/processes', { shell: 'sleep 90' })).json()) as VmProcess);
    expect((await post('/snapshots', {})).status).toBe(200);
    const listed = LimitList.parse(await (await service.call('/api/v1/limits')).json());
    const uses = Object.fromEntries(listed.limits.map(({ name, limit, used }) => [name, [limit, used]]));
    expect(uses).toMatchObject({
      max_vms: [6, 1],
      max_vcpus: [2, 1],
      max_memory_mib: [65_536, 256],
      max_snapshots: [1, 1],
    });
    expect(uses['max_connections']).toEqual([8, 1]);
  });

  test('max_processes and max_run_seconds hold for processes', async () => {
    await post('/processes', { shell: 'sleep 90' });
    expect(await refusalOf(await post('/processes', { shell: 'true' }))).toEqual(exceeded('max_processes'));
    const long = { shell: 'true', timeout_ms: 101_000 };
    expect(await refusalOf(await post('/processes', long))).toEqual(exceeded('max_run_seconds'));
    const code = { language: 'bash', code: 'true', timeout_ms: 101_000, vm_id: vmId };
    expect(await refusalOf(await service.post('/api/llm/execute', code))).toEqual(exceeded('max_run_seconds'));
    const shown = (await (await service.call(`/api/v1/vms/${vmId}/processes/${processId}`)).json()) as VmProcess;
    expect(shown.timeout_ms).toBe(100_000);
  });

  test('max_upload_bytes holds for files', async () => {
    const write = (bytes: number): Promise<Response> =>
      service.call(`/api/v1/vms/${vmId}/files`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ path: '/home/sandbox/file', content: 'x'.repeat(bytes) }),
      });
    expect((await write(1000)).status).toBe(200);
    expect(await refusalOf(await write(1001))).toEqual({
      status: 413,
      code: 'BODY_TOO_LARGE',
      limit: 'max_upload_bytes',
    });
  });

  test('max_snapshots, max_forks and max_vcpus hold for VMs', async () => {
    expect(await refusalOf(await post('/snapshots', {}))).toEqual(exceeded('max_snapshots'));
    expect(await refusalOf(await post('/forks', { count: 2 }))).toEqual(exceeded('max_forks'));
    await makeRunningVm(service);
    expect(await refusalOf(await post('/forks', { count: 1 }))).toEqual(exceeded('max_vcpus'));
    expect(await refusalOf(await service.post('/api/v1/vms', {}))).toEqual(exceeded('max_vcpus'));
    expect(await refusalOf(await service.post('/api/llm/execute', { language: 'bash', code: 'true' }))).toEqual(
      exceeded('max_vcpus'),
    );
  });

  test('max_connections holds for calls and sockets together', async () => {
    const headers = { authorization: `Bearer ${testServiceKey}` };
    const sockets = Array.from(
      { length: limits.maxConnections },
      () => new WebSocket(`${service.url.replace('http', 'ws')}/ws/${vmId}`, { headers }),
    );
    await Promise.all(sockets.map((socket) => once(socket, 'open')));
    expect(await refusalOf(await service.call('/api/v1/limits'))).toEqual(exceeded('max_connections'));
    expect((await fetch(`${service.url}/health`)).status).toBe(200);
    for (const socket of sockets) socket.close();
    await expect.poll(async () => (await service.call('/api/v1/limits')).status).toBe(200);
  });

  test('harm nothing that was there before', async () => {
    expect((await showVm(service, vmId)).status).toBe('running');
    const shown = (await (await service.call(`/api/v1/vms/${vmId}/processes/${processId}`)).json()) as VmProcess;
    expect(shown.state).toBe('running');
  });
});
