import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { killMachines } from '../../../test/fixtures/machine-processes.ts';
import { makeRunningVm, showVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { ErrorBody } from '../../contracts/errors.ts';
import { VmConsole, VmMetrics } from '../../contracts/vm-metrics.ts';

let service: TestVmService;
let vm: string;

beforeAll(async () => {
  service = await startTestVmService();
});
afterAll(() => service.close());

const metrics = async (): Promise<VmMetrics> =>
  VmMetrics.parse(await (await service.call(`/api/v1/vms/${vm}/metrics`)).json());
const readConsole = async (id: string): Promise<string> =>
  VmConsole.parse(await (await service.call(`/api/v1/vms/${id}/console`)).json()).text;

describe('GET /api/v1/vms/:id/metrics', () => {
  test('counts what the VM uses, from the host and from inside', async () => {
    vm = await makeRunningVm(service);
    const before = await metrics();
    await service.post(`/api/v1/vms/${vm}/processes`, { shell: 'sleep 600 & sleep 600' });
    const work = { shell: 'head -c 20000000 /dev/zero > /tmp/fill; for n in $(seq 20000); do :; done' };
    expect((await service.post(`/api/v1/vms/${vm}/exec`, work)).status).toBe(200);
    const after = await metrics();
    expect(after).toMatchObject({ vm_id: vm, status: 'running', vcpus: 1, memory_limit_bytes: 256 * 1024 * 1024 });
    expect(after.host.cpu_time_ms).toBeGreaterThan(before.host.cpu_time_ms);
    expect(after.host.threads).toBeGreaterThan(1);
    expect(after.guest?.memory_total_bytes).toBeLessThan(after.memory_limit_bytes);
    expect([before.guest?.processes, after.guest?.processes]).toEqual([0, 3]);
    const freed = (before.guest?.disk_available_bytes ?? 0) - (after.guest?.disk_available_bytes ?? 0);
    expect(freed).toBeGreaterThan(15_000_000);
  });

  test('leaves a paused VM paused, and its guest out', async () => {
    await service.call(`/api/v1/vms/${vm}/pause`, { method: 'POST' });
    const paused = await metrics();
    expect([paused.status, paused.guest, paused.guest_problem]).toEqual(['paused', undefined, undefined]);
    expect(paused.host.memory_resident_bytes).toBeGreaterThan(1 << 20);
    expect((await showVm(service, vm)).status).toBe('paused');
    await service.call(`/api/v1/vms/${vm}/resume`, { method: 'POST' });
  });
});

describe('GET /api/v1/vms/:id/console', () => {
  test('shows what the guest wrote there, also when the VM has died', async () => {
    const line = 'a line for the console';
    const program = { argv: ['bash', '-c', `echo "${line}" > /dev/console`], user: 'root' };
    expect(await (await service.post(`/api/v1/vms/${vm}/exec`, program)).json()).toMatchObject({ exit_code: 0 });
    await expect.poll(() => readConsole(vm), { timeout: 10_000 }).toContain(line);
    await killMachines(service.dataDir);
    await expect.poll(async () => (await showVm(service, vm)).status, { timeout: 10_000 }).toBe('failed');
    expect(await readConsole(vm)).toContain(line);
    const lost = await service.call(`/api/v1/vms/${vm}/metrics`);
    expect(ErrorBody.parse(await lost.json()).code).toBe('VM_LOST');
  });
});
