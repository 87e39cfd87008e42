import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeRunningVm, showVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { ErrorBody } from '../../contracts/errors.ts';
import { LimitList } from '../../contracts/limits.ts';
import { ExecResult } from '../../contracts/processes.ts';
import { ForkVmResponse, VmSnapshot } from '../../contracts/vms.ts';

const readyTimeoutMs = 240_000;
let service: TestVmService;

beforeAll(async () => {
  service = await startTestVmService({ limits: { maxVcpus: 8, maxMemoryMib: 2048 } });
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
}, readyTimeoutMs);
afterAll(() => service.close());

async function run(id: string, shell: string): Promise<string> {
  const response = await service.post(`/api/v1/vms/${id}/exec`, { shell });
  return ExecResult.parse(await response.json()).stdout;
}

async function refusalOf(body: object): Promise<ErrorBody> {
  const response = await service.post('/api/v1/vms', body);
  expect(response.ok).toBe(false);
  return ErrorBody.parse(await response.json());
}

const seen = "nproc; free -m | awk '/Mem:/ { print ($2 > 400 && $2 < 512) }'; cat /dev/shm/note";

test('a VM has the processors and the memory that were asked for, and so has what is made of it', async () => {
  const id = await makeRunningVm(service, { vcpus: 2, memory_mb: 512 });
  expect(await showVm(service, id)).toMatchObject({ vcpus: 2, memory_mb: 512 });
  await run(id, 'echo note > /dev/shm/note');
  expect(await run(id, seen)).toBe('2\n1\nnote\n');
  const { limits } = LimitList.parse(await (await service.call('/api/v1/limits')).json());
  expect(Object.fromEntries(limits.map(({ name, used }) => [name, used]))).toMatchObject({
    max_vms: 1,
    max_vcpus: 2,
    max_memory_mib: 512,
  });

  const kept = VmSnapshot.parse(await (await service.post(`/api/v1/vms/${id}/snapshots`, {})).json());
  expect(kept).toMatchObject({ vcpus: 2, memory_mb: 512 });
  const { forks } = ForkVmResponse.parse(await (await service.post(`/api/v1/vms/${id}/forks`, {})).json());
  const copy = await makeRunningVm(service, { snapshot_id: kept.id });
  const fork = forks[0]?.id ?? '';
  await expect.poll(async () => (await showVm(service, fork)).status, { timeout: 60_000 }).toBe('running');
  for (const made of [copy, fork]) {
    expect(await showVm(service, made)).toMatchObject({ vcpus: 2, memory_mb: 512 });
    expect(await run(made, seen)).toBe('2\n1\nnote\n');
  }
  expect(await refusalOf({ snapshot_id: kept.id, memory_mb: 1024 })).toMatchObject({ code: 'INVALID_REQUEST' });
  expect(await refusalOf({ memory_mb: 1024 })).toMatchObject({
    code: 'LIMIT_EXCEEDED',
    context: { limit: 'max_memory_mib', in_use: 1536, wanted: 1024 },
  });
  expect(await refusalOf({ vcpus: 0 })).toMatchObject({ code: 'INVALID_REQUEST' });
});
