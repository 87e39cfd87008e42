import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, open, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { createTestPlane } from '../../../test/fixtures/vm-plane.ts';
import type { ExecuteResponse } from '../../contracts/execution.ts';
import { type Clock, systemClock } from '../../lib/clock.ts';
import { packTar, unpackTar } from '../../lib/tar.ts';
import type { VmService, VmServiceOptions } from '../vm-service.ts';
import type { KeptSnapshot } from './kept-snapshot.ts';

const patienceMs = 120_000;
const hourMs = 3_600_000;
let dataDir: string;
let service: VmService;
let aheadMs = 0;
const clock: Clock = { ...systemClock, now: () => Date.now() + aheadMs };

async function start(overrides: Partial<VmServiceOptions> = {}): Promise<void> {
  const limits = { maxVms: 5, maxOutputBytes: 1 << 20 };
  service = createTestPlane(dataDir, { clock, limits, ...overrides });
  await service.ready(AbortSignal.timeout(patienceMs));
}

const snapshotDirectory = (id = ''): string => join(dataDir, 'vms', 'snapshots', id);

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-snapshots-'));
  await start();
});
afterEach(async () => {
  aheadMs = 0;
  await Promise.all(service.named.list().map(({ id }) => service.named.delete(id)));
  await Promise.all(service.snapshots.list().map(({ id }) => service.snapshots.delete(id)));
  expect(await readdir(snapshotDirectory())).toEqual([]);
});
afterAll(async () => {
  await service.close();
  await rm(dataDir, { recursive: true, force: true });
});

async function make(snapshotId?: string): Promise<string> {
  const wish = { vmType: 'default', ...(snapshotId === undefined ? {} : { snapshotId }) };
  const { id } = service.named.create(wish);
  const { state, error } = await service.named.settled(id);
  expect([state, error?.message]).toEqual(['ready', undefined]);
  return id;
}

async function execute(id: string, code: string, onOutput?: () => Promise<void>): Promise<ExecuteResponse> {
  const request = { agent_id: 'a', language: 'bash', code, vm_id: id };
  for await (const event of service.execute(request, AbortSignal.timeout(patienceMs))) {
    if (event.type === 'output-delta') await onOutput?.();
    if (event.type === 'execution-finished') return event.result;
  }
  throw new Error('the execution ended without a result');
}
const run = async (id: string, code: string): Promise<string> => (await execute(id, code)).stdout;

describe('snapshot()', () => {
  test('keeps memory and disk of one moment, from which VMs of their own go on', async () => {
    const source = await make();
    await run(source, 'echo disk > note; echo memory > /dev/shm/note');
    const snapshot = await service.snapshot(source, { name: 'mine', metadata: { step: '1' } });
    expect(snapshot).toMatchObject({ name: 'mine', vmId: source, vmType: 'debian-bookworm', metadata: { step: '1' } });
    expect(snapshot.bytes).toBeGreaterThan(1 << 20);
    expect(snapshot.bytes).toBeLessThan(32 << 20);
    await run(source, 'echo changed | tee note > /dev/shm/note');
    aheadMs = hourMs;
    const copies = await Promise.all([make(snapshot.id), make(snapshot.id)]);
    const code = 'cat note /dev/shm/note; hostname; cat /etc/machine-id; head -c 16 /dev/urandom | sha256sum; date +%s';
    const told = await Promise.all(copies.map(async (id) => (await run(id, code)).trim().split('\n')));
    expect(told.map((lines) => lines.slice(0, 3))).toEqual(copies.map((id) => ['disk', 'memory', id]));
    expect(new Set(told.flatMap((lines) => lines.slice(3, 5))).size).toBe(4);
    for (const lines of told) expect(Math.abs(Number(lines[5]) * 1000 - clock.now())).toBeLessThan(60_000);
    expect(await run(source, 'cat note')).toBe('changed\n');
  });

  test('does not disturb what runs', async () => {
    const source = await make();
    let snapshots = 0;
    const { outcome, stdout } = await execute(source, 'for i in $(seq 60); do echo $i; sleep 0.05; done', async () => {
      snapshots += 1;
      if (snapshots <= 2) await service.snapshot(source, {});
    });
    expect([outcome, stdout]).toEqual(['exited', Array.from({ length: 60 }, (_, index) => `${index + 1}\n`).join('')]);
    expect(service.snapshots.list()).toHaveLength(2);
  });

  test('leaves a paused VM paused', async () => {
    const source = await make();
    await service.named.pause(source);
    const { id } = await service.snapshot(source, {});
    expect(service.named.get(source).state).toBe('paused');
    expect(await run(await make(id), 'echo awake')).toBe('awake\n');
  });

  test('makes one snapshot for one idempotency key, and none of a VM that is not there', async () => {
    const source = await make();
    const [first, again] = await Promise.all([1, 2].map(() => service.snapshot(source, { name: 'x' }, 'key')));
    expect(again).toEqual(first);
    await expect(service.snapshot(source, { name: 'y' }, 'key')).rejects.toMatchObject({ code: 'CONFLICT' });
    await expect(service.snapshot('vm-00000000', {})).rejects.toMatchObject({ code: 'VM_NOT_FOUND' });
    expect(service.snapshots.list()).toHaveLength(1);
  });

  test('is whole or leaves nothing when the VM is deleted meanwhile', async () => {
    const source = await make();
    const taken = service.snapshot(source, {}).then(
      ({ id }) => id,
      (error: unknown) => error,
    );
    await expect.poll(() => readdir(snapshotDirectory()), { interval: 1 }).toHaveLength(1);
    await service.named.delete(source);
    const outcome = await taken;
    if (typeof outcome === 'string') expect(await run(await make(outcome), 'echo whole')).toBe('whole\n');
    else expect(outcome).toMatchObject({ code: 'VM_NOT_FOUND' });
  });
});

describe('fork()', () => {
  test('makes VMs that go on from where the source stands, and leaves no copy', async () => {
    const source = service.named.create({
      vmType: 'default',
      name: 'tree',
      metadata: { kind: 'source', step: '1' },
      environment: { COLOR: 'red' },
      timeoutMs: hourMs,
      onTimeout: 'pause',
    });
    await service.named.settled(source.id);
    await run(source.id, 'echo memory > /dev/shm/note');
    const wish = { count: 3, metadata: { kind: 'fork' } };
    const forks = await service.forks.fork(source.id, wish, 'key');
    expect(await service.forks.fork(source.id, wish, 'key')).toBe(forks);
    await run(source.id, 'echo changed > /dev/shm/note');
    for (const fork of forks) {
      expect(await service.named.settled(fork.id)).toMatchObject({
        state: 'ready',
        forkedFrom: source.id,
        metadata: { kind: 'fork', step: '1' },
        timeoutMs: hourMs,
        onTimeout: 'pause',
      });
      expect(await run(fork.id, 'echo $COLOR; cat /dev/shm/note; hostname')).toBe(`red\nmemory\n${fork.id}\n`);
    }
    expect(forks.map(({ name }) => name)).toEqual(['tree-1', 'tree-2', 'tree-3']);
    expect(service.snapshots.list()).toEqual([]);
    await expect.poll(() => readdir(snapshotDirectory())).toEqual([]);
  });

  test('begins nothing where there is no room, and forgets forks that are deleted at once', async () => {
    const source = await make();
    await expect(service.forks.fork(source, { count: 5 })).rejects.toMatchObject({ code: 'LIMIT_EXCEEDED' });
    expect(service.named.list()).toHaveLength(1);
    const forks = await service.forks.fork(source, { count: 2 });
    await Promise.all(forks.map(({ id }) => service.named.delete(id)));
    await expect.poll(() => readdir(snapshotDirectory()), { timeout: 10_000 }).toEqual([]);
    expect(await run(source, 'echo unharmed')).toBe('unharmed\n');
  });
});

describe('a snapshot', () => {
  test('may be deleted below a VM of it, which goes on and can be kept itself', async () => {
    const first = await service.snapshot(await make(), {});
    const child = await make(first.id);
    await run(child, 'echo child > note');
    await service.snapshots.delete(first.id);
    const second = await service.snapshot(child, {});
    await service.named.delete(child);
    expect(await run(await make(second.id), 'cat note')).toBe('child\n');
  });

  test('outlives the service; what was not finished does not', async () => {
    const source = await make();
    await run(source, 'echo kept > note');
    const kept = await service.snapshot(source, { name: 'kept' });
    await service.close();
    await mkdir(snapshotDirectory('snap-0000000000000000.unfinished'));
    await start();
    expect(service.snapshots.list()).toEqual([kept]);
    expect(await readdir(snapshotDirectory())).toEqual([kept.id]);
    expect(await run(await make(kept.id), 'cat note')).toBe('kept\n');
  });

  test('goes when its time is over, and with what nobody needs; a dry run only tells', async () => {
    const source = await make();
    const kept = await service.snapshot(source, { name: 'kept' });
    await run(source, 'head -c 4M /dev/urandom > /dev/shm/noise');
    const short = await service.snapshot(source, { name: 'short', keepMs: hourMs });
    expect(short.expiresAt?.getTime()).toBe(short.createdAt.getTime() + hourMs);
    await mkdir(snapshotDirectory('snap-00000000000000ff'));
    await service.close();
    aheadMs = 2 * hourMs;
    await start();
    const before = service.snapshots.usedBytes();
    const told = await service.snapshots.collect({ dryRun: true });
    expect(told.removed.map(({ id, reason }) => [id, reason])).toEqual([
      ['snap-00000000000000ff', 'unreadable'],
      [short.id, 'expired'],
    ]);
    expect(told.freedBytes).toBeGreaterThan(4 << 20);
    expect(service.snapshots.list()).toHaveLength(2);
    expect(await service.snapshots.collect({ dryRun: false })).toEqual(told);
    expect(service.snapshots.usedBytes()).toBe(before - told.freedBytes);
    expect(service.snapshots.list()).toEqual([kept]);
    expect(await run(await make(kept.id), 'echo whole')).toBe('whole\n');
    expect(await service.snapshots.collect({ dryRun: false, olderThanMs: hourMs })).toMatchObject({
      removed: [{ id: kept.id, reason: 'old' }],
    });
  });

  test('is not kept where VMs and snapshots would take more of the disk than they may', async () => {
    await service.close();
    await start({ limits: { maxVms: 5, maxDiskMib: 24 } });
    const source = await make();
    await run(source, 'head -c 30M /dev/urandom > /dev/shm/noise');
    await expect(service.snapshot(source, {})).rejects.toMatchObject({ code: 'DISK_LIMIT_EXCEEDED' });
    expect(await readdir(snapshotDirectory())).toEqual([]);
    expect(await run(source, 'echo unharmed')).toBe('unharmed\n');
    await service.close();
    await start();
  });

  test('is refused when it is damaged', async () => {
    const { id } = await service.snapshot(await make(), {});
    const machine = join(snapshotDirectory(id), 'machine');
    const pages = (await readdir(machine)).find((name) => name.startsWith('pages-'));
    await flipByte(join(machine, pages ?? ''));
    const vm = service.named.create({ vmType: 'default', snapshotId: id });
    expect(await service.named.settled(vm.id)).toMatchObject({
      state: 'failed',
      error: { code: 'VM_SNAPSHOT_UNUSABLE' },
    });
  });
});

describe('an archive', () => {
  const packed = async (id: string): Promise<Buffer> => buffer(await service.archives.export(id));
  const take = (archive: Uint8Array): Promise<KeptSnapshot> => service.archives.import(Readable.from([archive]));
  const pack = async (files: readonly (readonly [string, Uint8Array])[]): Promise<Buffer> => {
    const entries = files.map(([name, bytes]) => ({ name, size: bytes.length, content: Readable.from([bytes]) }));
    return gzipSync(await buffer(Readable.from(packTar(entries))), { level: 1 });
  };
  const unpack = async (archive: Buffer): Promise<[string, Buffer][]> => {
    const files: [string, Buffer][] = [];
    for await (const { name, content } of unpackTar(Readable.from([gunzipSync(archive)])))
      files.push([name, await buffer(Readable.from(content))]);
    return files;
  };

  test('carries a snapshot with all that it needs, also when the one before is gone', async () => {
    const source = await make();
    await run(source, 'echo first > note');
    const first = await service.snapshot(source, {});
    await run(source, 'echo second | tee -a note > /dev/shm/note');
    const second = await service.snapshot(source, { name: 'second', metadata: { a: 'b' } });
    const archive = await packed(second.id);
    await service.snapshots.delete(first.id);
    await service.snapshots.delete(second.id);
    const taken = await take(archive);
    expect(taken).toMatchObject({ name: 'second', metadata: { a: 'b' }, vmId: source, vmType: second.vmType });
    expect(taken.id).not.toBe(second.id);
    expect(await run(await make(taken.id), 'cat note /dev/shm/note')).toBe('first\nsecond\nsecond\n');
  });

  test('is refused when it is damaged, of another image, or has anything else in it, and leaves nothing', async () => {
    const files = await unpack(await packed((await service.snapshot(await make(), {})).id));
    const before = await readdir(snapshotDirectory());
    const changed = (name: string, change: (bytes: Buffer) => Buffer): Promise<Buffer> =>
      pack(files.map(([one, bytes]) => [one, one === name ? change(bytes) : bytes]));
    const replace = (from: string | RegExp, to: string) => (bytes: Buffer) =>
      Buffer.from(bytes.toString().replace(from, to));
    const none = Buffer.alloc(0);
    const [label = ['', none]] = files;
    const small = (name: string, bytes: Uint8Array = none): Promise<Buffer> => pack([label, [name, bytes]]);
    const manifest = files.find(([name]) => name === 'machine/manifest.json')?.[1] ?? none;
    const cases: readonly (readonly [string, Promise<Buffer>])[] = [
      ['VM_SNAPSHOT_UNUSABLE', changed('machine/state', (bytes) => Buffer.concat([bytes, Buffer.of(1)]))],
      ['VM_SNAPSHOT_UNUSABLE', changed('machine/manifest.json', replace(/"memoryMib": \d+/, '"memoryMib": 65536'))],
      ['VM_SNAPSHOT_UNUSABLE', small('machine/manifest.json', replace('"layer-0.qcow2"', '"../../x"')(manifest))],
      ['VM_SNAPSHOT_UNUSABLE', small('machine/manifest.json', manifest)],
      ['VM_SNAPSHOT_UNUSABLE', pack([[label[0], replace(/"disk":".{4}/, '"disk":"0000')(label[1])]])],
      ['INVALID_REQUEST', small('machine/../../escaped')],
      ['INVALID_REQUEST', small('/tmp/escaped')],
      ['INVALID_REQUEST', small('snapshot.json')],
      ['INVALID_REQUEST', pack([label, ['machine/state', none], ['machine/state', none]])],
      ['INVALID_REQUEST', pack(files.slice(1, 2))],
      ['INVALID_REQUEST', pack([[label[0], Buffer.from('{}')]])],
      ['INVALID_REQUEST', Promise.resolve(Buffer.from('not compressed'))],
      ['INVALID_REQUEST', small('machine/state', randomBytes(4096)).then((bytes) => bytes.subarray(0, 2000))],
    ];
    for (const [code, archive] of cases) await expect(take(await archive)).rejects.toMatchObject({ code });
    expect(await readdir(snapshotDirectory())).toEqual(before);
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
