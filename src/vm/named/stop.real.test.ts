import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestPlane } from '../../../test/fixtures/vm-plane.ts';
import type { GuestProcess } from '../processes/guest-process.ts';
import type { VmService } from '../vm-service.ts';

const patienceMs = 120_000;
let dataDir: string;
let service: VmService;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-stop-'));
  service = createTestPlane(dataDir);
  await service.ready(AbortSignal.timeout(patienceMs));
});
afterAll(async () => {
  await service.close();
  await rm(dataDir, { recursive: true, force: true });
});

const make = async (): Promise<string> => {
  const wish = { vmType: 'default', name: 'kept', environment: { WORD: 'word' }, timeoutMs: 3_600_000 };
  const { id } = service.named.create(wish);
  expect((await service.named.settled(id)).state).toBe('ready');
  return id;
};

async function run(id: string, code: string): Promise<string> {
  const request = { agent_id: 'a', language: 'bash', code, vm_id: id };
  for await (const event of service.execute(request, AbortSignal.timeout(patienceMs)))
    if (event.type === 'execution-finished') return event.result.stdout + event.result.stderr;
  throw new Error('the execution ended without a result');
}

const start = (id: string, script: string): Promise<GuestProcess> =>
  service.processes.start(id, {
    argv: ['bash', '-c', script],
    env: {},
    user: 'sandbox',
    stdin: new Uint8Array(),
    keepStdin: false,
  });

const disks = (): Promise<string[]> => readdir(join(dataDir, 'vms', 'disks'));

describe('stop() and start()', () => {
  test('keep the disk and the name of a VM, and nothing that ran in it', async () => {
    const id = await make();
    const identity = 'hostname; cat /etc/machine-id; echo $WORD';
    const before = await run(id, `echo memory > /dev/shm/note; echo disk > note; ${identity}`);
    const [program, deaf] = await Promise.all([
      start(id, 'trap "echo ended > ended; exit 3" TERM; echo ready > ready; while :; do sleep 0.1; done'),
      start(id, 'trap "" TERM; echo ready > deaf; while :; do sleep 0.1; done'),
    ]);
    await expect.poll(() => run(id, 'ls ready deaf 2> /dev/null | wc -l'), { timeout: 30_000 }).toBe('2\n');
    await service.named.pause(id);

    expect(await service.named.stop(id)).toMatchObject({ state: 'stopped', expiresAt: undefined });
    expect(await service.named.stop(id)).toMatchObject({ state: 'stopped' });
    expect((await program.ended).exitCode).toBe(3);
    expect(await deaf.ended).toMatchObject({ outcome: 'signalled', signal: 'SIGKILL' });
    expect(service.named.count).toBe(0);
    expect(await disks()).toEqual([id]);
    const refused = { code: 'CONFLICT', remedy: expect.stringContaining(`fcctl vm start ${id}`) };
    await expect(service.named.use(id)).rejects.toMatchObject(refused);
    await expect(service.named.pause(id)).rejects.toMatchObject(refused);
    await expect(service.snapshot(id, {})).rejects.toMatchObject(refused);

    const started = await service.named.start(id);
    expect(started).toMatchObject({ state: 'ready', name: 'kept', expiresAt: expect.any(Date) });
    expect(await service.named.start(id)).toMatchObject({ state: 'ready' });
    expect(await disks()).toEqual([]);
    expect(await run(id, identity)).toBe(before);
    expect(await run(id, 'cat note ended; ls /dev/shm/note 2> /dev/null || echo forgotten')).toBe(
      'disk\nended\nforgotten\n',
    );
    await service.named.delete(id);
  });

  test('may be repeated, and what was started is copied like any other', async () => {
    const id = await make();
    for (const round of [1, 2]) {
      await run(id, `echo ${round} >> rounds`);
      await service.named.stop(id);
      await Promise.all([service.named.start(id), service.named.start(id)]);
    }
    await run(id, 'echo memory > /dev/shm/note');
    const [fork] = await service.forks.fork(id, { count: 1 });
    expect((await service.named.settled(fork?.id ?? '')).state).toBe('ready');
    expect(await run(fork?.id ?? '', 'cat rounds /dev/shm/note')).toBe('1\n2\nmemory\n');
    await service.named.stop(id);
    await service.named.promote(fork?.id ?? '');
    expect(service.named.get(id).state).toBe('ready');
    expect(await run(id, 'cat rounds /dev/shm/note')).toBe('1\n2\nmemory\n');
    expect(await disks()).toEqual([]);
    await service.named.delete(id);
  });

  test('a stopped VM is deleted with its disk, and stays stopped where its disk is damaged', async () => {
    const id = await make();
    await service.named.stop(id);
    const [layer = ''] = (await readdir(join(dataDir, 'vms', 'disks', id))).filter((name) => name.startsWith('layer'));
    await rm(join(dataDir, 'vms', 'disks', id, layer));
    await expect(service.named.start(id)).rejects.toMatchObject({ code: 'VM_DISK_UNUSABLE' });
    expect(service.named.get(id).state).toBe('stopped');
    await service.named.delete(id);
    expect(await disks()).toEqual([]);
  });
});
