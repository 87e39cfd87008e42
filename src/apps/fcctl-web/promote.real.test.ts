import { setTimeout as wait } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadTestImage } from '../../../test/fixtures/vm-image.ts';
import { VmServiceProcess } from '../../../test/fixtures/vm-service-process.ts';

const patience = { timeout: 60_000 };
let service: VmServiceProcess;

beforeAll(async () => {
  await loadTestImage();
  service = await VmServiceProcess.start();
});
afterAll(() => service[Symbol.asyncDispose]());

const run = async (id: string, shell: string): Promise<string> =>
  (await service.client.exec(id, { shell }, AbortSignal.timeout(patience.timeout))).stdout;

const untilRunning = (ids: readonly string[]): Promise<unknown> =>
  Promise.all(ids.map((id) => expect.poll(async () => (await service.client.vm(id)).status, patience).toBe('running')));

describe('a promotion that kill -9 interrupts', () => {
  test.each([0, 12, 40])('after %i ms is done or undone, never half', async (delayMs) => {
    const parent = (await service.client.createVm({})).id;
    await untilRunning([parent]);
    await run(parent, 'echo parent > /dev/shm/note');
    const forks = (await service.client.forkVm(parent, { count: 2 })).map(({ id }) => id);
    await untilRunning(forks);
    const [chosen = ''] = forks;
    await run(chosen, 'echo fork > /dev/shm/note');
    const answered = service.client.promoteVm(chosen).then(
      () => true,
      () => false,
    );
    await wait(delayMs);
    await service.end('SIGKILL');
    const isAnswered = await answered;
    await service.start();
    await expect.poll(async () => (await service.client.health()).recovery, patience).toBeDefined();
    const left = (await service.client.listVms({})).map(({ id }) => id);
    await untilRunning(left);
    const note = await run(parent, 'cat /dev/shm/note');
    if (note === 'fork\n') expect(left).toEqual([parent]);
    else expect([note, left.toSorted()]).toEqual(['parent\n', [parent, ...forks].toSorted()]);
    if (isAnswered) expect(note).toBe('fork\n');
    await Promise.all(left.map((id) => service.client.deleteVm(id)));
  });
});
