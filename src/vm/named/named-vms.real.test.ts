import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { killMachines } from '../../../test/fixtures/machine-processes.ts';
import { createTestPlane } from '../../../test/fixtures/vm-plane.ts';
import type { ExecutionEvent } from '../../contracts/execution.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import type { VmService } from '../vm-service.ts';

const patienceMs = 120_000;
const hourMs = 3_600_000;
let dataDir: string;
let service: VmService;
let aheadMs = 0;
const clock: Clock = { ...systemClock, now: () => Date.now() + aheadMs };

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-named-'));
  service = createTestPlane(dataDir, { clock });
  await service.ready(AbortSignal.timeout(patienceMs));
});
afterEach(async () => {
  aheadMs = 0;
  await Promise.all(service.named.list().map(({ id }) => service.named.delete(id)));
});
afterAll(async () => {
  await service.close();
  await rm(dataDir, { recursive: true, force: true });
});

const make = async (): Promise<string> => {
  const { id } = service.named.create({ vmType: 'default' });
  expect((await service.named.settled(id)).state).toBe('ready');
  return id;
};

const execute = (
  id: string,
  code: string,
  signal = AbortSignal.timeout(patienceMs),
): AsyncGenerator<ExecutionEvent, void> =>
  service.execute({ agent_id: 'a', language: 'bash', code, vm_id: id }, signal);

async function run(id: string, code: string): Promise<string> {
  for await (const event of execute(id, code))
    if (event.type === 'execution-finished') return event.result.stdout + event.result.stderr;
  throw new Error('the execution ended without a result');
}

describe('pause() and resume()', () => {
  test('keep what runs, without a gap', async () => {
    const id = await make();
    const events = execute(id, 'for i in $(seq 150); do echo $i; sleep 0.01; done');
    let output = '';
    let pauses = 0;
    for await (const event of events) {
      if (event.type === 'execution-finished') expect(event.result).toMatchObject({ outcome: 'exited', exit_code: 0 });
      if (event.type !== 'output-delta') continue;
      output += event.text;
      if (pauses === 3) continue;
      pauses += 1;
      expect((await service.named.pause(id)).state).toBe('paused');
      expect((await service.named.pause(id)).state).toBe('paused');
      expect((await service.named.resume(id)).state).toBe('ready');
    }
    expect(pauses).toBe(3);
    expect(output).toBe(Array.from({ length: 150 }, (_, index) => `${index + 1}\n`).join(''));
  });

  test('set the clock of the guest', async () => {
    const id = await make();
    await service.named.pause(id);
    aheadMs = hourMs;
    await service.named.resume(id);
    const guestMs = Number(await run(id, 'date +%s')) * 1000;
    expect(Math.abs(guestMs - clock.now())).toBeLessThan(60_000);
  });

  test('a call to a paused VM resumes it, with its memory', async () => {
    const id = await make();
    await run(id, 'echo kept > /dev/shm/note');
    await service.named.pause(id);
    expect(await run(id, 'cat /dev/shm/note')).toBe('kept\n');
    expect(service.named.get(id).state).toBe('ready');
    await service.named.pause(id);
    const files = await service.files(id);
    expect((await files.read('/dev/shm/note', { offset: 0 }, AbortSignal.timeout(patienceMs))).toString()).toBe(
      'kept\n',
    );
  });

  test('calls that come together with them find the VM in one state or the other', async () => {
    const id = await make();
    const calls = Array.from({ length: 24 }, (_, index) =>
      index % 3 === 0 ? service.named.pause(id) : service.named.use(id),
    );
    await Promise.all(calls);
    await service.named.pause(id);
    expect(await Promise.all([run(id, 'hostname'), run(id, 'hostname')])).toEqual([`${id}\n`, `${id}\n`]);
    expect(service.named.get(id).state).toBe('ready');
  });

  test('a program whose client left while it stood still is stopped when it goes on', async () => {
    const id = await make();
    const leaving = new AbortController();
    for await (const event of execute(
      id,
      'echo begun; while :; do echo >> /dev/shm/beat; sleep 0.02; done',
      leaving.signal,
    )) {
      if (event.type !== 'output-delta') continue;
      await service.named.pause(id);
      leaving.abort();
    }
    await service.named.resume(id);
    const beats = (): Promise<string> => run(id, 'wc -c < /dev/shm/beat; sleep 0.5; wc -c < /dev/shm/beat');
    await expect.poll(async () => new Set((await beats()).trim().split('\n')).size, { timeout: 30_000 }).toBe(1);
  });

  test('are refused while a VM is being made, and for one that is gone', async () => {
    const { id } = service.named.create({ vmType: 'default' });
    await expect(service.named.pause(id)).rejects.toMatchObject({ code: 'CONFLICT' });
    await service.named.settled(id);
    await expect(service.named.resume('vm-00000000')).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
  });
});

describe('delete()', () => {
  test('wins over everything else, and leaves nothing', async () => {
    const [paused, pausing, resuming] = await Promise.all([make(), make(), make()]);
    await Promise.all([service.named.pause(paused), service.named.pause(resuming)]);
    const underWay = Promise.allSettled([service.named.pause(pausing), service.named.resume(resuming)]);
    await Promise.all([paused, pausing, resuming].map((id) => service.named.delete(id)));
    for (const result of await underWay)
      if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'VM_NOT_FOUND' });
    expect(service.named.list()).toEqual([]);
    await expect(service.named.resume(paused)).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    await service.ready(AbortSignal.timeout(patienceMs));
    await expect
      .poll(
        async () => {
          const { ready, waitingProcesses, starting } = service.poolStats();
          // Each has a directory, and one beside it for what its snapshots share.
          const names = await readdir(join(dataDir, 'vms', 'run'));
          const machines = new Set(names.map((name) => name.replace(/\.lineage$/, '')));
          return machines.size - ready - waitingProcesses - starting;
        },
        { timeout: 30_000 },
      )
      .toBe(0);
  });
});

/** Last, for it kills the clones of the pool too, and the pool takes a while to recover. */
describe('the death of a VM', () => {
  test('is told, also while the VM is paused', async () => {
    const id = await make();
    await service.named.pause(id);
    await killMachines(dataDir);
    await expect.poll(() => service.named.get(id).state, { timeout: 10_000 }).toBe('failed');
    await expect(service.named.resume(id)).rejects.toMatchObject({ code: 'VM_LOST' });
    await expect(service.named.pause(id)).rejects.toMatchObject({ code: 'VM_LOST' });
  });
});
