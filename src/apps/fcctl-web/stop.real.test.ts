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

const untilRunning = (id: string): Promise<unknown> =>
  expect.poll(async () => (await service.client.vm(id)).status, patience).toBe('running');

async function die(): Promise<void> {
  await service.end('SIGKILL');
  await service.start();
  await expect.poll(async () => (await service.client.health()).recovery, patience).toBeDefined();
}

const answered = (call: Promise<unknown>): Promise<boolean> =>
  call.then(
    () => true,
    () => false,
  );

describe('a stop that kill -9 interrupts', () => {
  test.each([0, 1000])('after %i ms is done or undone, and loses nothing', async (delayMs) => {
    const { id } = await service.client.createVm({});
    await untilRunning(id);
    await run(id, 'echo disk > note');
    const stopping = answered(service.client.stopVm(id));
    await wait(delayMs);
    await die();
    const { status } = await service.client.vm(id);
    expect(['running', 'stopped']).toContain(status);
    if (await stopping) expect(status).toBe('stopped');
    await service.client.startVm(id);
    expect(await run(id, 'cat note')).toBe('disk\n');
    await service.client.deleteVm(id);
  });

  test('a stopped VM is there after kill -9, and a start that it interrupts is made again', async () => {
    const { id } = await service.client.createVm({ name: 'kept' });
    await untilRunning(id);
    await run(id, 'echo disk > note');
    await service.client.stopVm(id);
    await die();
    expect(await service.client.vm(id)).toMatchObject({ status: 'stopped', name: 'kept' });
    const starting = answered(service.client.startVm(id));
    await wait(300);
    await die();
    expect(await starting).toBe(false);
    await untilRunning(id);
    expect(await run(id, 'cat note')).toBe('disk\n');
    await service.client.stopVm(id);
    expect(await service.end('SIGTERM')).toBe(0);
    await service.start();
    await service.client.startVm(id);
    expect(await run(id, 'cat note')).toBe('disk\n');
  });
});
