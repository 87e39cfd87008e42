import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { findMachineProcesses } from '../../../test/fixtures/machine-processes.ts';
import { loadTestImage } from '../../../test/fixtures/vm-image.ts';
import type { Vm } from '../../contracts/vms.ts';
import { VmServiceProcess } from '../../../test/fixtures/vm-service-process.ts';

const patience = { timeout: 60_000 };
let service: VmServiceProcess;

beforeEach(async () => {
  await loadTestImage();
  service = await VmServiceProcess.start();
});
afterEach(() => service[Symbol.asyncDispose]());

const deadline = (): AbortSignal => AbortSignal.timeout(patience.timeout);

async function execute(code: string): Promise<string> {
  for await (const event of service.client.execute({ language: 'bash', code }, deadline()))
    if (event.type === 'execution-finished') return event.result.stdout;
  throw new Error('the execution ended without a result');
}

async function makeVm(wish: Parameters<typeof service.client.createVm>[0]): Promise<string> {
  const { id } = await service.client.createVm(wish);
  await expect.poll(async () => (await service.client.vm(id)).status, patience).toBe('running');
  return id;
}

const run = async (id: string, shell: string): Promise<string> =>
  (await service.client.exec(id, { shell }, deadline())).stdout;

const pick = (vm: Vm | undefined, ...fields: readonly (keyof Vm)[]): Partial<Vm> =>
  Object.fromEntries(fields.flatMap((field) => (vm?.[field] === undefined ? [] : [[field, vm[field]]])));

async function outputOf(vmId: string, processId: string): Promise<string> {
  let text = '';
  for await (const event of service.client.processOutput({ vmId, processId }, { after: 0, signal: deadline() }))
    if (event.type === 'output') text += event.data;
    else if (event.type === 'exit') return `${text}${event.process.outcome} ${event.process.exit_code}`;
  return text;
}

describe('fcctl-web', () => {
  test('finds the processes in its VMs again when it was killed', async () => {
    const vmId = await makeVm({});
    const shell = 'echo before; read line; echo $line; exit 3';
    const wish = { shell, keep_stdin: true };
    const [answered, paused] = [await service.client.startProcess(vmId, wish), await makeVm({})];
    const waiting = await service.client.startProcess(paused, wish);
    const ended = await service.client.startProcess(vmId, { shell: 'echo ended; exit 4' });
    expect(await outputOf(vmId, ended.id)).toBe('ended\nexited 4');
    await service.client.pauseVm(paused);
    await service.end('SIGKILL');
    await service.start();
    const { client } = service;
    await expect.poll(async () => (await client.health()).recovery?.adopted.length, patience).toBe(2);
    expect((await client.listProcesses(vmId)).processes.map(({ id }) => id)).toEqual([answered.id, ended.id]);
    expect(await client.showProcess({ vmId: paused, processId: waiting.id })).toMatchObject({ state: 'running' });
    expect((await client.vm(paused)).status).toBe('paused');
    for (const [vm, { id: processId }] of [
      [vmId, answered],
      [paused, waiting],
    ] as const) {
      await client.writeStdin({ vmId: vm, processId }, { data: 'after\n' });
      expect(await outputOf(vm, processId)).toBe('before\nafter\nexited 3');
    }
    expect(await outputOf(vmId, ended.id)).toBe('ended\nexited 4');
    await Promise.all([vmId, paused].map((id) => client.deleteVm(id)));
  });

  test('cleans up after itself when it was killed, and leaves nothing when it is stopped', async () => {
    expect(await execute('echo one')).toBe('one\n');
    await service.end('SIGKILL');
    const orphans = await findMachineProcesses(service.dataDir);
    expect(orphans.length).toBeGreaterThan(0);
    await service.start();
    expect(await execute('echo two')).toBe('two\n');
    expect((await findMachineProcesses(service.dataDir)).filter((pid) => orphans.includes(pid))).toEqual([]);
    expect((await service.client.health()).recovery?.removed.length).toBeGreaterThan(0);
    expect(await service.end('SIGTERM')).toBe(0);
    expect(await findMachineProcesses(service.dataDir)).toEqual([]);
    expect(await readdir(join(service.dataDir, 'vms', 'run'))).toEqual([]);
  });

  test('goes on with its VMs when it was killed', async () => {
    const wish = { name: 'kept', env: { WORD: 'kept' }, timeout_seconds: 3600, idempotencyKey: 'once' };
    const [running, paused] = await Promise.all([makeVm(wish), makeVm({ name: 'paused' })]);
    await Promise.all([running, paused].map((id) => run(id, 'echo in memory > /dev/shm/note; echo on disk > note')));
    await service.client.pauseVm(paused);
    const before = await Promise.all([running, paused].map((id) => service.client.vm(id)));
    for (let round = 0; round < 2; round += 1) {
      await service.end('SIGKILL');
      await service.start();
    }
    const { client } = service;
    const after = await Promise.all([running, paused].map((id) => client.vm(id)));
    for (const [index, vm] of after.entries())
      expect(vm).toMatchObject(
        pick(before[index], 'id', 'name', 'status', 'timeout_seconds', 'created_at', 'expires_at'),
      );
    expect((await client.createVm(wish)).id).toBe(running);
    expect(await run(running, 'cat /dev/shm/note note; echo $WORD')).toBe('in memory\non disk\nkept\n');
    expect((await client.vm(paused)).status).toBe('paused');
    expect(await run(paused, 'cat /dev/shm/note note')).toBe('in memory\non disk\n');
    expect((await client.health()).recovery?.adopted.toSorted()).toEqual([running, paused].toSorted());
    await Promise.all([running, paused].map((id) => client.deleteVm(id)));
    expect(await readdir(join(service.dataDir, 'vms', 'named'))).toEqual([]);
  });
});
