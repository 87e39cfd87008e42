import { access, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTestPlane } from '../../../test/fixtures/vm-plane.ts';
import type { VmService } from '../vm-service.ts';

const patienceMs = 60_000;
let dataDir: string;
let service: VmService;

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-promotion-'));
  service = createTestPlane(dataDir, { limits: { maxVms: 6, maxOutputBytes: 1 << 20 } });
  await service.ready(AbortSignal.timeout(patienceMs));
});
afterEach(() => Promise.all(service.named.list().map(({ id }) => service.named.delete(id))));
afterAll(async () => {
  await service.close();
  await rm(dataDir, { recursive: true, force: true });
});

const toProgram = (script: string) => ({
  argv: ['bash', '-c', script],
  env: {},
  user: 'sandbox',
  stdin: new Uint8Array(),
  keepStdin: false,
});

async function run(vmId: string, script: string): Promise<string> {
  const process = await service.processes.run(vmId, toProgram(script), AbortSignal.timeout(patienceMs));
  return process.output.text('stdout');
}

async function family(count: number): Promise<{ readonly parent: string; readonly forks: readonly string[] }> {
  const wish = { vmType: 'default', name: 'tree', metadata: { kind: 'parent' }, environment: { WORD: 'kept' } };
  const { id: parent } = await service.named.settled(service.named.create(wish).id);
  await run(parent, 'echo parent | tee note > /dev/shm/note');
  const made = await service.forks.fork(parent, { count });
  const settled = await Promise.all(made.map(({ id }) => service.named.settled(id)));
  expect(settled.map(({ state }) => state)).toEqual(made.map(() => 'ready'));
  return { parent, forks: made.map(({ id }) => id) };
}

describe('promote()', () => {
  test('lets a fork go on as its parent, with what runs in it, and discards the others', async () => {
    const { parent, forks } = await family(3);
    const [chosen = '', other = ''] = forks;
    await run(chosen, 'echo fork | tee note > /dev/shm/note');
    const waiting = await service.processes.start(chosen, { ...toProgram('read line; echo "$line"'), keepStdin: true });
    await service.named.pause(other);
    const before = service.named.get(parent);
    const { pid } = (await service.named.use(parent)).machine;
    const promoted = await service.promote(chosen);
    expect(promoted).toMatchObject({ id: parent, name: 'tree', state: 'ready', metadata: { kind: 'parent' } });
    expect(promoted.createdAt).toEqual(before.createdAt);
    expect(service.named.list().map(({ id }) => id)).toEqual([parent]);
    expect(await run(parent, 'cat note /dev/shm/note; hostname; echo $WORD')).toBe(`fork\nfork\n${parent}\nkept\n`);
    expect(service.processes.get({ vmId: parent, processId: waiting.id })).toBe(waiting);
    await waiting.write(Buffer.from('still here\n'), true, AbortSignal.timeout(patienceMs));
    expect(await waiting.ended).toMatchObject({ outcome: 'exited', exitCode: 0 });
    await expect(access(`/proc/${pid}`)).rejects.toThrow();
    const again = await service.forks.fork(parent, { count: 1 });
    await service.named.settled(again[0]?.id ?? '');
    expect((await service.promote(again[0]?.id ?? '')).id).toBe(parent);
  });

  test('brings back a VM that died', async () => {
    const { parent, forks } = await family(1);
    process.kill((await service.named.use(parent)).machine.pid, 'SIGKILL');
    await expect.poll(() => service.named.get(parent).state).toBe('failed');
    const { state, error } = await service.promote(forks[0] ?? '');
    expect([state, error]).toEqual(['ready', undefined]);
    expect(await run(parent, 'cat /dev/shm/note')).toBe('parent\n');
  });

  test('is refused for what is no fork, and where the parent is gone; nothing has changed then', async () => {
    const { parent, forks } = await family(1);
    await expect(service.promote(parent)).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(service.promote('vm-00000000')).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    await service.named.delete(parent);
    await expect(service.promote(forks[0] ?? '')).rejects.toMatchObject({ code: 'CONFLICT' });
    expect(await run(forks[0] ?? '', 'hostname')).toBe(`${forks[0]}\n`);
  });

  test('two at once: one wins, the other one is gone', async () => {
    const { parent, forks } = await family(2);
    const ends = await Promise.allSettled(forks.map((id) => service.promote(id)));
    expect(ends.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected']);
    expect(service.named.list().map(({ id }) => id)).toEqual([parent]);
    expect(await run(parent, 'hostname')).toBe(`${parent}\n`);
  });
});
