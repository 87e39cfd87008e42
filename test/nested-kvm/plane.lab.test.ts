import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { ExecuteResponse } from '../../src/contracts/execution.ts';
import { nodeFlags } from '../../src/lib/node-flags.ts';
import type { VmService } from '../../src/vm/index.ts';
import { createFirecrackerPlane } from '../fixtures/firecracker-plane.ts';

const owner = join(import.meta.dirname, '../fixtures/machine-owner/firecracker-plane.ts');
const patienceMs = 100_000;
let dataDir: string;
let service: VmService;
let kept: string;

const deadline = (): AbortSignal => AbortSignal.timeout(patienceMs);

/** Lets another process make a VM, and kills it. */
async function makeAndDie(): Promise<string> {
  const child = spawn(process.execPath, [...nodeFlags, owner, dataDir], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit').then(() => Promise.reject(new Error('the owner ended without a VM')));
  const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [string];
  ended.catch(() => undefined);
  child.kill('SIGKILL');
  await once(child, 'exit');
  return line;
}

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-plane-'));
  kept = await makeAndDie();
  service = createFirecrackerPlane(dataDir);
  await service.ready(deadline());
});
afterAll(async () => {
  await service.close();
  expect(await readdir(join(dataDir, 'vms', 'run', 'firecracker'))).toEqual([]);
  await rm(dataDir, { recursive: true, force: true });
});

async function run(vmId: string, code: string): Promise<ExecuteResponse> {
  const request = { agent_id: 'a', language: 'bash', code, vm_id: vmId };
  for await (const event of service.execute(request, deadline()))
    if (event.type === 'execution-finished') return event.result;
  throw new Error('the execution ended without a result');
}

test('a VM outlives kill -9 of its service, and is used and paused by the next one', async () => {
  expect(service.health().recovery?.adopted).toEqual([kept]);
  expect((await run(kept, 'cat /dev/shm/note note; exit 3')).stdout).toBe('memory\ndisk\n');
  await service.named.pause(kept);
  expect(service.named.get(kept).state).toBe('paused');
  expect(await run(kept, 'exit 3')).toMatchObject({ outcome: 'exited', exit_code: 3 });
});

test('a VM is kept as a snapshot, forked, and goes on; what is made of it has its memory and its disk', async () => {
  const read = 'cat /dev/shm/note note';
  const { id: snapshotId } = await service.snapshot(kept, {});
  const forks = await service.forks.fork(kept, { count: 2 });
  const copy = service.named.create({ vmType: 'default', snapshotId });
  const made = await Promise.all([...forks, copy].map(({ id }) => service.named.settled(id)));
  expect(made.map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']);
  for (const { id } of [{ id: kept }, ...made]) expect((await run(id, read)).stdout).toBe('memory\ndisk\n');
  const names = await Promise.all(made.map(async ({ id }) => (await run(id, 'hostname')).stdout));
  expect(names).toEqual(made.map(({ id }) => `${id}\n`));
  await Promise.all(made.map(({ id }) => service.named.delete(id)));
});

test('a VM is stopped and started with its disk', async () => {
  await service.named.stop(kept);
  await service.named.start(kept);
  expect((await run(kept, 'cat note; ls /dev/shm/note 2> /dev/null || echo forgotten')).stdout).toBe(
    'disk\nforgotten\n',
  );
});

test('code runs in clones of the pool, which are thrown away, and a deleted VM leaves nothing', async () => {
  const request = { agent_id: 'a', language: 'python', code: 'print(6 * 7)' };
  for await (const event of service.execute(request, deadline()))
    if (event.type === 'execution-finished') {
      const { outcome, stdout, stderr, error_detail: error } = event.result;
      expect({ outcome, stdout, stderr, error }).toEqual({
        outcome: 'exited',
        stdout: '42\n',
        stderr: '',
        error: undefined,
      });
    }
  await Promise.all(service.named.list().map(({ id }) => service.named.delete(id)));
  expect(service.named.list()).toEqual([]);
});
