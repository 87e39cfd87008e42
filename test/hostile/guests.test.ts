import { mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ExecuteResponse } from '../../src/contracts/execution.ts';
import { FileListing } from '../../src/contracts/vms.ts';
import { showVm } from '../fixtures/running-vms.ts';
import { startTestVmService, type TestVmService } from '../fixtures/vm-service.ts';
import { Bystander } from './support/bystander.ts';
import { guestPrograms } from './support/guest-programs.ts';
import { isLong } from './support/is-long.ts';
import { usedBytes } from './support/used-bytes.ts';
import { VmInService } from './support/vm-in-service.ts';

const readyTimeoutMs = 240_000;
const floodSeconds = 3;
/** More than one listing gives. */
const files = isLong ? 100_000 : 12_000;
const growthBytes = 48 << 20;
/** The size of a VM's disk, and what its layer needs to keep account. */
const diskBytes = (1 << 30) + (16 << 20);

let service: TestVmService;
let settled: Promise<Bystander> | undefined;

beforeAll(async () => {
  service = await startTestVmService();
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
}, readyTimeoutMs);
afterAll(async () => {
  console.log(JSON.stringify({ exec_beside_attacks: (await settled)?.report }, undefined, 1));
  await service.close();
});

/** Has an attacker's VM do its worst while somebody else works on, and deletes it. */
const attack = (name: string, work: (attacker: VmInService) => Promise<void>): void =>
  test(name, async () => {
    const bystander = await (settled ??= Bystander.settle(service));
    const attacker = await VmInService.make(service);
    await bystander.during(name, () => work(attacker));
    await attacker.delete();
  });

describe('a guest whose root', () => {
  attack('floods the console', async (attacker) => {
    const before = usedBytes();
    const { outcome } = await attacker.root('cat /dev/zero | tr "\\0" x > /dev/ttyS0', floodSeconds * 1000);
    expect(outcome).toBe('timed-out');
    expect(usedBytes() - before).toBeLessThan(growthBytes);
    expect((await attacker.exec('echo still here')).stdout).toBe('still here\n');
  });

  attack('turns the clock back', async (attacker) => {
    await attacker.root('date -s 1999-12-31');
    expect((await attacker.exec('sleep 60', { timeoutMs: 500 })).outcome).toBe('timed-out');
    expect((await attacker.writeFile('/home/sandbox/note', 'old')).status).toBe(200);
    expect((await attacker.readFile('/home/sandbox/note')).status).toBe(200);
    for (const order of ['pause', 'resume'])
      expect((await attacker.call(`/${order}`, { method: 'POST' })).status).toBe(200);
    expect(Math.abs(Number((await attacker.exec('date +%s')).stdout) - Date.now() / 1000)).toBeLessThan(30);
  });

  attack('kills the agent', async (attacker) => {
    const { exit_code: code } = await attacker.root(
      'kill -9 1; for task in /proc/1/task/*; do kill -9 "${task##*/}"; done',
    );
    expect(code).toBe(0);
    expect((await attacker.exec('echo still here')).stdout).toBe('still here\n');
  });

  attack('crashes the kernel', async (attacker) => {
    const { outcome, error_detail: error } = await attacker.root('echo c > /proc/sysrq-trigger; sleep 60');
    expect([outcome, error?.code]).toEqual(['vm-lost', 'VM_LOST']);
    expect(await showVm(service, attacker.id)).toMatchObject({ status: 'failed' });
  });

  attack('takes the channel and writes garbage on it', async (attacker) => {
    const { outcome, error_detail: error } = await attacker.root(guestPrograms.writeGarbage);
    expect([outcome, error?.code]).toEqual(['vm-lost', 'VM_LOST']);
    expect(await showVm(service, attacker.id)).toMatchObject({ status: 'failed' });
  });

  attack('fills the disk', async (attacker) => {
    const { stderr } = await attacker.root('dd if=/dev/zero of=/fill bs=1M');
    expect(stderr).toContain('No space left on device');
    expect(await largestLayer(service.dataDir)).toBeLessThan(diskBytes);
    expect((await attacker.refusal(attacker.writeFile('/home/sandbox/note', 'x'.repeat(9000)))).code).toBe(
      'GUEST_FILE_ERROR',
    );
    expect((await attacker.root('rm /fill && echo freed')).stdout).toBe('freed\n');
  });
});

describe('a guest that', () => {
  attack('floods the channel with output that nobody reads', async (attacker) => {
    const before = usedBytes();
    const started = await Promise.all(Array.from({ length: 8 }, () => attacker.start('cat /dev/zero')));
    await attacker.exec(`sleep ${floodSeconds}`);
    for (const { id } of started) {
      const { stdout_bytes: written, dropped_bytes: dropped } = await attacker.show(id);
      expect(written - dropped).toBeLessThanOrEqual(1 << 20);
    }
    expect(usedBytes() - before).toBeLessThan(growthBytes);
    expect((await attacker.exec('echo still here')).stdout).toBe('still here\n');
  });

  attack(`makes ${files} files`, async (attacker) => {
    const made = await attacker.exec(guestPrograms.makeFiles(files), { timeoutMs: 200_000 });
    expect(made).toMatchObject({ stdout: 'made\n', stderr: '' });
    expect((await attacker.refusal(attacker.call('/files/list?path=/home/sandbox/many'))).code).toBe('LIMIT_EXCEEDED');
    const { entries } = FileListing.parse(await (await attacker.call('/files/list?path=/home/sandbox')).json());
    expect(entries.map(({ name }) => name)).toContain('many');
  });

  attack('plants links that lead to files of the host', async (attacker) => {
    const directory = await mkdtemp(join(tmpdir(), 'bigbox-canary-'));
    const canary = join(directory, 'canary');
    await writeFile(canary, 'of the host');
    await attacker.exec(guestPrograms.plantLinks(canary));
    const up = '../'.repeat(12);
    const roads = ['link', 'relative', 'loop', 'directory/canary', `${up.slice(0, -1)}${canary}`, 'proc-root'];
    for (const road of roads) {
      const read = await attacker.readFile(`/home/sandbox/${road}`);
      expect(await read.text(), road).not.toContain('of the host');
      await attacker.writeFile(`/home/sandbox/${road}`, 'of the guest');
    }
    expect((await readdir(directory)).length).toBe(1);
    expect(await stat(canary)).toMatchObject({ size: 'of the host'.length });
    await rm(directory, { recursive: true });
  });
});

/** Code as agents have it run: in a clone that is thrown away. */
const execution = (name: string, work: () => Promise<void>): void =>
  test(name, async () => {
    const bystander = await (settled ??= Bystander.settle(service));
    await bystander.during(name, work);
    expect(await execute('bash', 'echo still here')).toMatchObject({ exit_code: 0, stdout: 'still here\n' });
  });

describe('an execution that', () => {
  execution('loops without end is stopped in time', async () => {
    const result = await execute('python', 'while True: pass', 2000);
    expect(result).toMatchObject({ outcome: 'timed-out', exit_code: -1, error_detail: { code: 'EXECUTION_TIMEOUT' } });
  });

  execution('forks without end ends with an error that names the limit on processes', async () => {
    const result = await execute('python', guestPrograms.bomb, 60_000);
    expect(result.error_detail?.code).toMatch(/EXECUTION_TIMEOUT|LIMIT_EXCEEDED/);
    expect(result.error_detail?.context['processes_refused']).toBeGreaterThan(0);
  });

  if (isLong)
    execution('is a fork bomb ends with an error that names the limit on processes', async () => {
      const result = await execute('bash', 'bomb() { bomb | bomb & }; bomb; sleep 60', 45_000);
      expect(result.error_detail?.code).toMatch(/EXECUTION_TIMEOUT|LIMIT_EXCEEDED/);
      expect(result.error_detail?.context['processes_refused']).toBeGreaterThan(0);
    });

  execution('writes one gigabyte is cut and stopped', async () => {
    const result = await execute('python', 'import sys\nfor _ in range(1024): sys.stdout.write("x" * 1048576)');
    expect(result).toMatchObject({
      truncated: true,
      error_detail: { code: 'LIMIT_EXCEEDED', context: { limit: 'output' } },
    });
    expect(result.stdout).toHaveLength(1 << 20);
  });

  execution('takes all memory ends with an error that names the limit on memory', async () => {
    const result = await execute('python', 'hoard = []\nwhile True: hoard.append(bytearray(1 << 20))');
    expect(result).toMatchObject({
      exit_code: -1,
      error_detail: { code: 'LIMIT_EXCEEDED', context: { limit: 'memory' } },
    });
  });
});

async function execute(language: string, code: string, timeoutMs = 120_000): Promise<ExecuteResponse> {
  const response = await service.post('/api/llm/execute', { language, code, timeout_ms: timeoutMs });
  expect(response.status).toBe(200);
  return ExecuteResponse.parse(await response.json());
}

/** Bytes on the host's disk of the largest layer that a VM of the service has. */
async function largestLayer(dataDir: string): Promise<number> {
  const run = join(dataDir, 'vms', 'run');
  const layers = (await readdir(run, { recursive: true })).filter((name) => name.endsWith('layer.qcow2'));
  const sizes = await Promise.all(layers.map(async (name) => (await stat(join(run, name))).blocks * 512));
  return Math.max(...sizes);
}
