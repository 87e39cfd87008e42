import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { LimitName } from '../../contracts/limits.ts';
import { addSizes, times } from '../machine/vm-size.ts';
import { Limits } from './limits.ts';
import { defaultLimits, type VmLimits } from './vm-limits.ts';

const size = { vcpus: 2, memoryMib: 256 };
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'bigbox-limits-'));
});
afterEach(() => rmSync(directory, { recursive: true }));

const limitsWith = (limits: Partial<VmLimits>): Limits =>
  new Limits({ limits: { ...defaultLimits, ...limits }, size, directory });

const fillDisk = (folder: string, mebibytes: number): void => {
  mkdirSync(join(directory, folder, 'inner'), { recursive: true });
  writeFileSync(join(directory, folder, 'inner', 'file'), Buffer.alloc(mebibytes << 20, 1));
};

describe('assertVms()', () => {
  test.each([
    ['max_vms', { maxVms: 4 }, { max_vms: 4, in_use: 3, wanted: 2 }],
    ['max_vcpus', { maxVcpus: 8 }, { max_vcpus: 8, in_use: 6, wanted: 4 }],
    ['max_memory_mib', { maxMemoryMib: 1024 }, { max_memory_mib: 1024, in_use: 768, wanted: 512 }],
  ] as const)('refuses what goes over %s, with the use and what to do', (name, given, context) => {
    const limits = limitsWith(given);
    limits.assertVms(times(3, size), times(1, size));
    const refused = expect.objectContaining({
      code: 'LIMIT_EXCEEDED',
      status: 429,
      context: { limit: name, ...context },
      remedy: expect.stringContaining(`bigbox.${name}`),
    });
    expect(() => limits.assertVms(times(3, size), times(2, size))).toThrow(refused);
    expect(limits.vmsLeft(times(3, size))).toBe(1);
  });
});

test('VMs of several sizes add up', () => {
  const limits = limitsWith({ maxVms: 9, maxVcpus: 16, maxMemoryMib: 1024 });
  const inUse = addSizes([size, { vcpus: 1, memoryMib: 512 }]);
  expect(inUse).toEqual({ vms: 2, vcpus: 3, memoryMib: 768 });
  limits.assertVms(inUse, times(1, { vcpus: 13, memoryMib: 256 }));
  expect(() => limits.assertVms(inUse, times(1, { vcpus: 14, memoryMib: 256 }))).toThrow('3 in use, 14 wanted');
  expect(limits.vmsLeft(inUse)).toBe(1);
});

describe('assertDisk()', () => {
  test('counts the disks of VMs and the snapshots', () => {
    const limits = limitsWith({ maxDiskMib: 3 });
    limits.assertDisk();
    fillDisk('run', 1);
    fillDisk('snapshots', 1);
    fillDisk('templates', 8);
    limits.assertDisk();
    fillDisk('snapshots/second', 1);
    const refused = expect.objectContaining({
      code: 'DISK_LIMIT_EXCEEDED',
      status: 507,
      context: expect.objectContaining({ limit: 'max_disk_mib', max_disk_mib: 3 }),
    });
    expect(() => limits.assertDisk()).toThrow(refused);
    expect(() => limits.assertVms(times(0, size), times(1, size))).toThrow(refused);
  });
});

describe('limits on one call', () => {
  test('max_forks', () => {
    const limits = limitsWith({ maxForks: 2 });
    limits.assertForks(2);
    expect(() => limits.assertForks(3)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED', status: 429 }));
  });

  test('max_upload_bytes', () => {
    const limits = limitsWith({ maxUploadBytes: 1000 });
    limits.assertUpload(1000);
    expect(() => limits.assertUpload(1001)).toThrow(
      expect.objectContaining({
        code: 'BODY_TOO_LARGE',
        status: 413,
        message: 'A file that one call writes: 1001 bytes wanted, at most 1000 bytes.',
      }),
    );
  });

  test('max_run_seconds gives programs without a time limit one, and refuses longer ones', () => {
    const limits = limitsWith({ maxRunSeconds: 60 });
    expect([limits.runTime(undefined), limits.runTime(59_000), limits.capRunTime(90_000)]).toEqual([
      60_000, 59_000, 60_000,
    ]);
    expect(() => limits.runTime(61_000)).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
    const unlimited = limitsWith({});
    expect([unlimited.runTime(undefined), unlimited.runTime(1e9), unlimited.capRunTime(9)]).toEqual([
      undefined,
      1e9,
      9,
    ]);
  });
});

describe('max_processes', () => {
  test('names the VM that is at its limit', () => {
    const limits = limitsWith({ maxProcesses: 3 });
    limits.assertProcesses(2, 'vm-1');
    expect(() => limits.assertProcesses(3, 'vm-1')).toThrow(
      expect.objectContaining({
        context: { limit: 'max_processes', max_processes: 3, in_use: 3, wanted: 1, vm_id: 'vm-1' },
      }),
    );
  });
});

describe('connect()', () => {
  test('counts until the end, once', () => {
    const limits = limitsWith({ maxConnections: 2 });
    const end = limits.connect();
    limits.connect();
    expect(() => limits.connect()).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED', status: 429 }));
    end();
    end();
    limits.connect();
    expect(() => limits.connect()).toThrow(expect.objectContaining({ code: 'LIMIT_EXCEEDED' }));
  });
});

describe('describe()', () => {
  test('names every limit, and the use of those that add up', () => {
    const described = limitsWith({}).describe({ vms: times(3, size), snapshots: 5 });
    expect(described.map(({ name }) => name)).toEqual(LimitName.options);
    const used = Object.fromEntries(
      described.filter((limit) => limit.used !== undefined).map((limit) => [limit.name, limit.used]),
    );
    expect(used).toEqual({
      max_vms: 3,
      max_vcpus: 6,
      max_memory_mib: 768,
      max_disk_mib: 0,
      max_snapshots: 5,
      max_connections: 0,
    });
  });
});
