import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseMetrics } from '../../../test/fixtures/parse-metrics.ts';
import { killMachines } from '../../../test/fixtures/machine-processes.ts';
import { makeRunningVm, showVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { VmBenchmark, VmCapabilities, VmTemplateList } from '../../contracts/capabilities.ts';
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

describe('POST /api/v1/benchmark', () => {
  test('measures creation, execution, pause and snapshot, keeps the result, and leaves nothing', async () => {
    const body = { rounds: 1 };
    const [first, second] = await Promise.all([
      service.post('/api/v1/benchmark', body),
      service.post('/api/v1/benchmark', body),
    ]);
    expect([first.status, second.status].toSorted((left, right) => left - right)).toEqual([200, 409]);
    const result = VmBenchmark.parse(await (first.status === 200 ? first : second).json());
    expect(result.figures.map(({ name, rounds }) => [name, rounds])).toEqual([
      ['create-to-first-exec', 1],
      ['warm-exec', 5],
      ['pause', 1],
      ['resume', 1],
      ['snapshot', 1],
    ]);
    for (const { p50_ms: middle, min_ms: least, max_ms: most } of result.figures)
      expect(least > 0 && least <= middle && middle <= most).toBe(true);
    const capabilities = VmCapabilities.parse(await (await service.call('/health/capabilities')).json());
    expect(capabilities).toMatchObject({ driver: 'qemu', max_vms: 6, benchmark: result });
    expect(await (await service.call('/api/v1/vms?name=benchmark')).json()).toMatchObject({ total: 0 });
    expect(await (await service.call('/api/v1/snapshots')).json()).toMatchObject({ total: 0 });
  });
});

describe('GET /api/v1/images', () => {
  test('shows what VMs are made of', async () => {
    const { images } = VmTemplateList.parse(await (await service.call('/api/v1/images')).json());
    expect(images).toMatchObject([{ name: 'debian-bookworm', vcpus: 1, memory_mb: 256 }]);
    expect(images[0]?.disk_bytes).toBeGreaterThan(100_000_000);
  });
});

describe('GET /metrics', () => {
  test('counts VMs by state, claims, restores, executions, snapshots and errors', async () => {
    await service.call('/api/v1/vms/vm-00000000');
    const response = await service.call('/metrics');
    expect(response.headers.get('content-type')).toContain('text/plain; version=0.0.4');
    const samples = parseMetrics(await response.text());
    const read = (name: string, labels: Readonly<Record<string, string>> = {}): number | undefined =>
      samples.find(
        (sample) =>
          sample.name === name && Object.entries(labels).every(([key, value]) => sample.labels[key] === value),
      )?.value;
    expect([read('bigbox_vms', { state: 'running' }), read('bigbox_vms', { state: 'failed' })]).toEqual([1, 0]);
    expect(read('bigbox_pool', { part: 'busy' })).toBe(1);
    expect(read('bigbox_vm_restore_seconds_count', { origin: 'template' })).toBeGreaterThan(0);
    expect(read('bigbox_vm_claim_seconds_count')).toBeGreaterThan(0);
    expect(read('bigbox_vm_execution_seconds_count', { kind: 'process', outcome: 'exited' })).toBeGreaterThan(5);
    expect(read('bigbox_snapshot_bytes')).toBe(0);
    expect(read('bigbox_errors_total', { code: 'VM_NOT_FOUND' })).toBe(1);
    expect(read('bigbox_http_request_duration_seconds_count', { route: '/api/v1/vms/:id/metrics' })).toBeGreaterThan(1);
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
