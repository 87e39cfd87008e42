import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { silentLogger } from '../../lib/log.ts';
import { chooseDriver, type DriverWish } from './choose-driver.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-driver-'));
});
afterEach(() => rm(directory, { recursive: true }));

const choose = async (wish: Partial<DriverWish>) => {
  const common = {
    accelerator: 'tcg',
    allowedFirecrackerVersions: [],
    searchPath: directory,
    cacheDir: directory,
  } as const;
  const create = await chooseDriver({ driver: 'auto', ...common, ...wish }, silentLogger);
  return create(join(directory, 'run'));
};

async function install(version: string): Promise<void> {
  for (const name of ['firecracker', 'jailer']) {
    await writeFile(join(directory, name), `#!/bin/sh\necho "${name} v${version}"\n`);
    await chmod(join(directory, name), 0o755);
  }
}

describe('chooseDriver()', () => {
  test('takes QEMU where there is no Firecracker, and says what is lost', async () => {
    const driver = await choose({});
    expect(driver.name).toBe('qemu');
    expect((await driver.probe()).missing.join(' ')).toContain('Firecracker is not used: it was not found');
  });

  test('takes QEMU without a word where it is wanted', async () => {
    const driver = await choose({ driver: 'qemu' });
    expect((await driver.probe()).missing.join(' ')).not.toContain('Firecracker');
  });

  test('does not take an old Firecracker by itself', async () => {
    await install('1.12.1');
    expect((await (await choose({})).probe()).missing.join(' ')).toContain('1.12.1 is older than 1.15.1');
  });

  test('takes no other driver where Firecracker is wanted by name', async () => {
    const driver = await choose({ driver: 'firecracker', firecrackerPath: join(directory, 'nowhere') });
    expect(driver.name).toBe('firecracker');
    await expect(driver.probe()).rejects.toMatchObject({ code: 'VMM_MISSING' });
  });
});
