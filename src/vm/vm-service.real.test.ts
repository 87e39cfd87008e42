import { mkdtemp, open, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { killMachines } from '../../test/fixtures/machine-processes.ts';
import { loadTestImage } from '../../test/fixtures/vm-image.ts';
import { createTestPlane } from '../../test/fixtures/vm-plane.ts';
import type { ExecuteResponse } from '../contracts/execution.ts';
import type { VmService, VmServiceOptions } from './vm-service.ts';

const readyTimeoutMs = 120_000;
let dataDir: string;
let service: VmService | undefined;

beforeAll(async () => {
  await loadTestImage();
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-service-'));
});
afterEach(async () => {
  await service?.close();
  service = undefined;
});
afterAll(() => rm(dataDir, { recursive: true, force: true }));

const create = (overrides: Partial<VmServiceOptions> = {}): VmService =>
  createTestPlane(dataDir, { limits: { maxVms: 4, maxOutputBytes: 65_536 }, ...overrides });

const start = async (overrides: Partial<VmServiceOptions> = {}): Promise<VmService> => {
  service = create(overrides);
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
  return service;
};

async function run(owner: VmService, code: string): Promise<ExecuteResponse | undefined> {
  const request = { agent_id: 'a', language: 'bash', code };
  for await (const event of owner.execute(request, AbortSignal.timeout(readyTimeoutMs)))
    if (event.type === 'execution-finished') return event.result;
  return undefined;
}

async function templateFile(name: string): Promise<string> {
  const templates = join(dataDir, 'vms', 'templates');
  const [directory = ''] = await readdir(templates);
  return join(templates, directory, name);
}

describe('VmService', () => {
  test('boots a template once and starts from it the next time', async () => {
    await (await start()).close();
    const made = (await stat(await templateFile('manifest.json'))).mtimeMs;
    const again = await start();
    expect((await stat(await templateFile('manifest.json'))).mtimeMs).toBe(made);
    expect(await run(again, 'echo again')).toMatchObject({ stdout: 'again\n' });
  });

  test('is the only owner of its directory', async () => {
    await start();
    expect(() => create()).toThrow(expect.objectContaining({ code: 'CONFLICT' }));
  });

  test('takes clones that are ready, restores what is missing, and fills up again', async () => {
    const owner = await start();
    const results = await Promise.all([1, 2, 3].map((number) => run(owner, `echo ${number}`)));
    expect(results.map((result) => result?.stdout)).toEqual(['1\n', '2\n', '3\n']);
    expect(owner.poolStats()).toMatchObject({ hits: 1, misses: 2, busy: 0 });
    await owner.ready(AbortSignal.timeout(readyTimeoutMs));
    expect(owner.poolStats().ready).toBe(1);
  });

  test('keeps as many clones as the last burst took, as far as their memory may go', async () => {
    const owner = await start({ pool: { least: 1, most: 3, memoryBytes: 2 ** 30 } });
    expect(owner.poolStats().target).toBe(1);
    await Promise.all([1, 2, 3, 4].map((number) => run(owner, `echo ${number}`)));
    expect(owner.poolStats().target).toBe(3);
    await expect.poll(() => owner.poolStats().ready, { timeout: 60_000 }).toBe(3);
    await owner.close();
    const poor = await start({ pool: { least: 1, most: 3, memoryBytes: 1 } });
    await Promise.all([1, 2].map((number) => run(poor, `echo ${number}`)));
    expect(poor.poolStats().target).toBe(1);
  });

  test('boots a machine for a claim while no template can be made, and says so', async () => {
    const owner = await start();
    const templates = join(dataDir, 'vms', 'templates');
    await rm(templates, { recursive: true });
    await writeFile(templates, 'in the way');
    try {
      await killMachines(dataDir);
      await expect.poll(() => owner.readyClones(), { timeout: 30_000 }).toEqual([]);
      expect(await run(owner, 'echo booted')).toMatchObject({ outcome: 'exited', stdout: 'booted\n' });
      expect(owner.poolStats()).toMatchObject({ broken: true, problem: expect.stringMatching(/./) });
      expect(owner.health().status).toBe('degraded');
    } finally {
      await rm(templates);
    }
    await expect.poll(() => owner.poolStats().broken, { timeout: 90_000 }).toBe(false);
    expect(await run(owner, 'echo healed')).toMatchObject({ stdout: 'healed\n' });
  });

  test('replaces clones that die while they wait', async () => {
    const owner = await start();
    const [before] = owner.readyClones();
    await killMachines(dataDir);
    await expect.poll(() => owner.readyClones()[0]?.id ?? before?.id, { timeout: 30_000 }).not.toBe(before?.id);
    expect(await run(owner, 'echo new')).toMatchObject({ outcome: 'exited', stdout: 'new\n' });
  });

  test('builds a damaged template again, at start and at work', async () => {
    await (await start()).close();
    await flipByte(await templateFile('memory'));
    const owner = await start();
    expect(await run(owner, 'echo healed')).toMatchObject({ stdout: 'healed\n' });
    await flipByte(await templateFile('state'));
    await Promise.all([1, 2, 3].map(() => run(owner, 'echo x')));
    expect(await run(owner, 'echo healed')).toMatchObject({ stdout: 'healed\n' });
  });

  test('does not go over the limit on VMs', async () => {
    const owner = await start();
    const running = [1, 2, 3, 4].map(() => run(owner, 'sleep 3; echo done'));
    await expect(run(owner, 'true')).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect((await Promise.all(running)).map((result) => result?.stdout)).toEqual(Array(4).fill('done\n'));
  });

  test('closes at once while its first template still boots', async () => {
    await rm(join(dataDir, 'vms', 'templates'), { recursive: true, force: true });
    const owner = create();
    await expect.poll(() => readdir(join(dataDir, 'vms', 'run')).catch(() => []), { timeout: 30_000 }).toHaveLength(1);
    await owner.close();
    expect(await readdir(join(dataDir, 'vms', 'run'))).toEqual([]);
    expect(owner.health().status).toBe('degraded');
  });
});

async function flipByte(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    const byte = Buffer.alloc(1);
    await file.read(byte, 0, 1, 4096);
    byte.writeUInt8(byte.readUInt8() ^ 0xff);
    await file.write(byte, 0, 1, 4096);
  } finally {
    await file.close();
  }
}
