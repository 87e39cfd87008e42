import { execFile } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { loadTestImage } from '../fixtures/vm-image.ts';
import { VmServiceProcess } from '../fixtures/vm-service-process.ts';
import { isLong } from '../hostile/support/is-long.ts';
import { findRemains } from './support/machine-remains.ts';
import { untilRunning } from './support/vm-worker.ts';

const runFile = promisify(execFile);
const patienceMs = 60_000;
const cycles = isLong ? 50 : 10;
/** Emulated processors take seconds for the checksum. */
const checkEvery = 5;
let service: VmServiceProcess;

const deadline = (): AbortSignal => AbortSignal.timeout(patienceMs);

async function makeVm(): Promise<string> {
  const { id } = await service.client.createVm({});
  await untilRunning(service.client, id);
  return id;
}

const run = async (id: string, shell: string): Promise<string> =>
  (await service.client.exec(id, { shell }, deadline())).stdout;

interface Machine {
  readonly directory: string;
  readonly pid: number;
}

/** Where the machine of a VM is, as the service has written it down. */
async function machineOf(vmId: string): Promise<Machine> {
  const vms = join(service.dataDir, 'vms');
  const record = JSON.parse(await readFile(join(vms, 'named', `${vmId}.json`), 'utf8')) as {
    readonly machine: { readonly id: string; readonly facts: { readonly pid: number } };
  };
  return { directory: join(vms, 'run', record.machine.id), pid: record.machine.facts.pid };
}

/** The VM is told to be lost, can be deleted, and nothing of its machine is there. */
async function expectLost(vmId: string, { directory }: Machine): Promise<void> {
  const status = async (): Promise<string> => (await service.client.vm(vmId)).status;
  await expect.poll(status, { timeout: patienceMs }).toBe('failed');
  expect((await service.client.vm(vmId)).error_detail).toMatchObject({ code: 'VM_LOST' });
  await expect(run(vmId, 'true')).rejects.toMatchObject({ code: 'VM_LOST' });
  await service.client.deleteVm(vmId);
  const left = async (): Promise<boolean> => {
    const { directories, processes, groups } = await findRemains(service.dataDir);
    return [...directories, ...processes, ...groups].some((id) => directory.endsWith(id));
  };
  await expect.poll(left, { timeout: patienceMs }).toBe(false);
}

beforeAll(async () => void (await loadTestImage()));
beforeEach(async () => {
  service = await VmServiceProcess.start();
});
afterEach(() => service[Symbol.asyncDispose]());

describe('a VM', () => {
  test(`keeps a file and a counter over ${cycles} pauses`, async () => {
    const vmId = await makeVm();
    const { client } = service;
    const before = await run(vmId, 'head -c 64M /dev/urandom > blob; sha256sum blob');
    const shell = 'i=0; while :; do i=$((i+1)); echo $i; sleep 0.02; done';
    const { id: processId } = await client.startProcess(vmId, { shell });
    for (let cycle = 0; cycle < cycles; cycle += 1) {
      expect((await client.pauseVm(vmId)).status).toBe('paused');
      expect((await client.resumeVm(vmId)).status).toBe('running');
      if (cycle % checkEvery === 0) expect(await run(vmId, 'sha256sum blob')).toBe(before);
    }
    expect(await run(vmId, 'sha256sum blob')).toBe(before);
    await client.killProcess({ vmId, processId });
    let counted = '';
    for await (const event of client.processOutput({ vmId, processId }, { after: 0, signal: deadline() }))
      if (event.type === 'output') counted += event.data;
    const numbers = counted.trim().split('\n').map(Number);
    expect(numbers.length).toBeGreaterThan(cycles);
    expect(numbers).toEqual(numbers.map((_, index) => index + 1));
  });

  test('that hangs is refused, deleted, and not taken over; others go on', async () => {
    const [hung, other, left] = await Promise.all([makeVm(), makeVm(), makeVm()]);
    const [machine, leftMachine] = await Promise.all([machineOf(hung), machineOf(left)]);
    process.kill(machine.pid, 'SIGSTOP');
    await expect(run(hung, 'true')).rejects.toMatchObject({ code: 'GUEST_UNREACHABLE' });
    expect(await run(other, 'echo here')).toBe('here\n');
    await service.client.deleteVm(hung);
    expect((await findRemains(service.dataDir)).directories.some((id) => machine.directory.endsWith(id))).toBe(false);
    process.kill(leftMachine.pid, 'SIGSTOP');
    await service.end('SIGKILL');
    await service.start();
    await expectLost(left, leftMachine);
    expect(await run(other, 'echo still')).toBe('still\n');
  });

  test('whose sockets were deleted goes on, and is lost when its service dies', async () => {
    const vmId = await makeVm();
    const machine = await machineOf(vmId);
    for (const name of ['control.sock', 'agent.sock']) await rm(join(machine.directory, name));
    expect((await service.client.pauseVm(vmId)).status).toBe('paused');
    expect(await run(vmId, 'echo here')).toBe('here\n');
    await service.end('SIGKILL');
    await service.start();
    await expectLost(vmId, machine);
  });
});

describe('a full disk', () => {
  test('refuses a snapshot, leaves nothing of it, and disturbs no VM', async (context) => {
    const vmId = await makeVm();
    const snapshots = join(service.dataDir, 'vms', 'snapshots');
    await mkdir(snapshots, { recursive: true });
    const mounted = await runFile('mount', ['-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', snapshots]).catch(
      (error: Error) => error,
    );
    if (mounted instanceof Error) context.skip(`no small file system can be mounted here: ${mounted.message}`);
    const noise = await run(vmId, 'head -c 8M /dev/urandom > /dev/shm/noise; sha256sum /dev/shm/noise');
    try {
      const attempt = service.client.createSnapshot(vmId, {}, deadline());
      await expect(attempt).rejects.toMatchObject({ code: 'DISK_FULL' });
      expect((await findRemains(service.dataDir)).snapshots).toEqual([]);
    } finally {
      await runFile('umount', ['-l', snapshots]);
    }
    expect(await run(vmId, 'sha256sum /dev/shm/noise')).toBe(noise);
    const { id } = await service.client.createSnapshot(vmId, {}, deadline());
    expect((await findRemains(service.dataDir)).snapshots).toEqual([id]);
  });
});
