import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { describe, expect, test } from 'vitest';
import { readHostUsage, toProcessorUse } from './host-usage.ts';

const memory = async () => ({ proportionalBytes: 5, residentBytes: 9 });

describe('readHostUsage()', () => {
  test('tells what this process uses', async () => {
    const { user, system } = process.cpuUsage();
    const usage = await readHostUsage({ pid: process.pid, memory });
    expect(usage.cpuTimeMs).toBeGreaterThanOrEqual((user + system) / 1000 - 50);
    expect(usage.threads).toBeGreaterThan(1);
    expect(usage.residentBytes).toBeGreaterThan(1 << 20);
    expect(usage.proportionalBytes).toBe(5);
  });

  test('leaves out the share of memory that this user may not read', async () => {
    const refused = () => Promise.reject(Object.assign(new Error('no'), { code: 'EACCES' }));
    await expect(readHostUsage({ pid: process.pid, memory: refused })).resolves.not.toHaveProperty('proportionalBytes');
  });

  test('says that a process which has ended is lost', async () => {
    const child = spawn('true');
    await once(child, 'exit');
    await expect(readHostUsage({ pid: child.pid ?? 0, memory })).rejects.toMatchObject({ code: 'VM_LOST' });
  });
});

describe('toProcessorUse()', () => {
  test('is not misled by the name of a program', () => {
    const numbers = Array.from({ length: 20 }, (_, index) => index + 4).join(' ');
    expect(toProcessorUse(`7 (a) R (b ) S ${numbers}`)).toEqual({ cpuTimeMs: (14 + 15) * 10, threads: 20 });
  });
});
