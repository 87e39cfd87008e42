import { createServer } from 'node:http';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { loadConfiguration } from '../../config/index.ts';
import { checkClock } from './clock.ts';
import { diagnose } from './diagnose.ts';
import {
  checkControlGroups,
  checkHugePages,
  checkMemory,
  checkPageMerging,
  checkSwap,
  checkThreads,
} from './kernel.ts';
import { checkKvm } from './machine-runner.ts';
import { checkPorts } from './ports.ts';
import { checkSpeed } from './speed.ts';
import { checkReflink, checkSpace } from './storage.ts';

let root: string;
beforeEach(async () => void (root = await mkdtemp(join(tmpdir(), 'bigbox-doctor-'))));
afterEach(() => rm(root, { recursive: true }));

/** Lets the kernel below `root` say this. */
async function say(path: string, content: string): Promise<void> {
  await mkdir(dirname(join(root, path)), { recursive: true });
  await writeFile(join(root, path), `${content}\n`);
}

describe('the kernel', () => {
  const groups = 'sys/fs/cgroup/cgroup.controllers';
  const threads = 'sys/devices/system/cpu/smt/active';
  const merging = 'sys/kernel/mm/ksm/run';
  const swaps = 'proc/swaps';
  const header = 'Filename\tType\tSize\tUsed\tPriority';
  const huge = 'sys/kernel/mm/transparent_hugepage/enabled';
  const clock = 'sys/devices/system/clocksource/clocksource0/current_clocksource';
  test.each([
    [checkControlGroups, groups, 'cpuset cpu io memory pids', 'ok', /^version 2 with cpuset, cpu/],
    [checkControlGroups, groups, 'cpu io pids', 'problem', /without memory$/],
    [checkControlGroups, 'sys/fs/cgroup/memory/memory.limit_in_bytes', '9', 'advice', /^version 1/],
    [checkControlGroups, 'x', '', 'problem', /^none/],
    [checkThreads, threads, '0', 'ok', /^off/],
    [checkThreads, threads, '1', 'advice', /^on/],
    [checkThreads, 'x', '', 'unknown', /does not tell/],
    [checkPageMerging, merging, '0', 'ok', /^off/],
    [checkPageMerging, merging, '1', 'advice', /^on/],
    [checkSwap, swaps, header, 'ok', /^none/],
    [checkSwap, swaps, `${header}\n/dev/sda2 partition 2097148 0 -2`, 'advice', /^\/dev\/sda2 \(2048 MB\)/],
    [checkSwap, swaps, `${header}\n/dev/zram0 partition 1024 0 100`, 'ok', /which is memory$/],
    [checkHugePages, huge, 'always [madvise] never', 'ok', /madvise; reserved: 0$/],
    [checkHugePages, huge, '[always] madvise never', 'advice', /always/],
    [checkMemory, 'proc/meminfo', 'MemTotal: 8000000 kB\nMemAvailable: 4000000 kB', 'ok', /^3906 of 7813 MB/],
    [checkMemory, 'proc/meminfo', 'MemTotal: 8000000 kB\nMemAvailable: 400000 kB', 'advice', /^391 of/],
    [checkMemory, 'proc/meminfo', 'MemTotal: 8000000 kB', 'unknown', /does not tell/],
    [checkClock, clock, 'hpet', 'advice', /^its source is hpet/],
  ] as const)('%o finds in %s %j: %s', async (...row) => {
    const [check, path, content, state, finding] = row;
    await say(path, content);
    const found = await check(root);
    expect(found).toMatchObject({ state, finding: expect.stringMatching(finding) as string });
    expect(found.remedy !== undefined).toBe(state === 'advice' || state === 'problem');
  });
});

describe('KVM', () => {
  test('is well where a virtual CPU ran', async () => {
    expect(await checkKvm(undefined)).toMatchObject({ state: 'ok' });
  });

  test('is missing where there is no device, and does not work where one opens', async () => {
    const device = join(root, 'kvm');
    expect(await checkKvm('no device', device)).toMatchObject({
      finding: expect.stringContaining('there is no') as string,
    });
    await writeFile(device, '');
    expect(await checkKvm('entry failed', device)).toMatchObject({
      finding: expect.stringContaining('no virtual CPU runs (entry failed)') as string,
    });
  });
});

describe('storage', () => {
  test('is measured where the folder will be, and left as it was', async () => {
    const folder = join(root, 'not', 'yet');
    const space = await checkSpace('data space', folder);
    expect(space.finding).toMatch(/^\d+\.\d GB of \d+\.\d GB free for .*not\/yet$/);
    expect((await checkReflink(folder)).state).toMatch(/^(ok|advice)$/);
    expect(await readdir(root)).toEqual([]);
  });
});

describe('ports', () => {
  test('names the one that another program has', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = server.address() as AddressInfo;
      const wanted = [{ use: 'the VM service', port, flag: '--vm-port' }];
      expect(await checkPorts(wanted)).toEqual({
        check: 'ports',
        state: 'problem',
        finding: `${port} for the VM service: another program listens there`,
        remedy: 'Stop it, or choose others: --vm-port',
      });
    } finally {
      server.close();
    }
  });
});

test('diagnose() says that nothing can run VMs where QEMU is missing, and goes on with the rest', async () => {
  const configuration = loadConfiguration({ environment: { BIGBOX_DATA_DIR: root, BIGBOX_CACHE_DIR: root } });
  const found = await diagnose({ configuration, ownAddresses: ['http://127.0.0.1:3100'], root, binary: '/no/qemu' });
  expect(found.find(({ check }) => check === 'QEMU')).toMatchObject({
    state: 'problem',
    remedy: expect.stringContaining('qemu-system-x86') as string,
  });
  expect(found.find(({ check }) => check === 'ports')?.finding).toBe("3100 are this Bigbox's own");
  expect(found.map(({ check }) => check)).toEqual(expect.arrayContaining(['control groups', 'swap', 'ports', 'clock']));
});

describe('checkSpeed()', () => {
  const figure = { name: 'create-to-first-exec', rounds: 5, p50_ms: 640.4, min_ms: 600, max_ms: 700 };
  const circumstances = { driver: 'qemu', driver_version: '7', accelerator: 'tcg', vcpus: 1, memory_mb: 256 };
  const kept = { at: '2026-11-25T01:02:03Z', duration_ms: 9, ...circumstances, figures: [figure] };
  const file = 'vms/benchmark.json';
  test.each([
    [file, JSON.stringify(kept), 'ok', 'create to first exec 640 ms (p50, tcg, measured 2026-11-25)'],
    [file, '{"at":', 'unknown', 'the last benchmark cannot be read'],
    ['elsewhere', '', 'unknown', 'not measured here yet'],
  ])('reads %s %j as %s', async (...row) => {
    const [path, content, state, finding] = row;
    await say(path, content);
    expect(await checkSpeed(root)).toMatchObject({ check: 'speed', state, finding });
  });
});
