import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { downloadSize, findMissingPackages, installPackages } from './packages.ts';
import type { StepProgress } from './step.ts';

const { signal } = new AbortController();
let directory = '';

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-packages-'));
});
afterEach(async () => {
  await rm(directory, { recursive: true, force: true });
});

/** Puts programs of a machine on a PATH of its own; the scripts find what they were called with in $0 and $@. */
async function machine(
  programs: Readonly<Record<string, string>>,
  base = ':/usr/bin:/bin',
): Promise<Record<string, string>> {
  for (const [name, script] of Object.entries(programs)) {
    await writeFile(join(directory, name), `#!/bin/sh\n${script}\n`);
    await chmod(join(directory, name), 0o755);
  }
  return { PATH: `${directory}${base}`, CALLS: join(directory, 'calls') };
}

const everything = (except: string): string =>
  `shift 3; for name; do [ "$name" = ${except} ] || echo "$name installed"; done; exit 1`;
const newCargo = 'echo "cargo 1.95.0 (abc)"';
const qemu = { name: 'qemu-system-x86', reason: 'runs the microVMs' };

describe('findMissingPackages()', () => {
  test('asks dpkg, and leaves the compiler out where cargo is new enough', async () => {
    const environment = await machine({ 'dpkg-query': everything('e2fsprogs'), cargo: newCargo });
    const missing = await findMissingPackages({ machine: true, extra: [] }, { environment, signal });
    expect(missing.map(({ name }) => name)).toEqual(['e2fsprogs']);
  });

  test.each([
    ['too old', 'echo "cargo 0.66.0"'],
    ['broken', 'exit 1'],
  ])('wants the compiler where cargo is %s', async (_, cargo) => {
    const environment = await machine({ 'dpkg-query': everything('cargo-web'), cargo });
    const missing = await findMissingPackages({ machine: true, extra: [] }, { environment, signal });
    expect(missing.map(({ name }) => name)).toEqual(['cargo-web']);
  });

  test('looks for the programs themselves where there is no dpkg', async () => {
    const environment = await machine({ shellcheck: '' }, '');
    const extra = [
      { name: 'shellcheck', reason: '' },
      { name: 'chromium', reason: '' },
    ];
    const missing = await findMissingPackages({ machine: false, extra }, { environment, signal });
    expect(missing.map(({ name }) => name)).toEqual(['chromium']);
  });
});

describe('downloadSize()', () => {
  test('reads it from what apt would do', async () => {
    const environment = await machine({ 'apt-get': 'echo "Need to get 61.4 MB of archives."; exit 1' });
    expect(await downloadSize([qemu], { environment, signal })).toBe('61 MB');
  });

  test('is unknown where apt does not know the package yet', async () => {
    const environment = await machine({ 'apt-get': 'echo "E: Unable to locate package"; exit 100' });
    expect(await downloadSize([qemu], { environment, signal })).toBeUndefined();
  });
});

describe('installPackages()', () => {
  const sudo = 'shift; exec "$@"';

  test('reads the lists, then installs without recommendations, and counts packages', async () => {
    const apt =
      'echo "$DEBIAN_FRONTEND $*" >> "$CALLS"; [ "$1" = update ] || { echo "0 upgraded, 2 newly installed, 0 to remove."; echo "Setting up seabios (1)"; echo "Setting up qemu (1)"; }';
    const environment = await machine({ 'apt-get': apt, sudo });
    const seen: StepProgress[] = [];
    await installPackages([qemu], { signal, report: (progress) => seen.push(progress) }, environment);
    const calls = (await readFile(environment['CALLS'] ?? '', 'utf8')).trim().split('\n');
    expect(calls[0]).toBe('noninteractive update -q');
    expect(calls[1]).toMatch(/^noninteractive install .*--no-install-recommends.* qemu-system-x86$/);
    expect(seen.at(-1)).toEqual({ completed: 2, total: 2, unit: 'packages' });
  });

  test('says what apt complained about and what to do by hand', async () => {
    const environment = await machine({ 'apt-get': 'echo "E: No space left"; exit 100', sudo });
    await expect(installPackages([qemu], { signal, report: () => undefined }, environment)).rejects.toMatchObject({
      code: 'SETUP_STEP_FAILED',
      message: 'apt could not install qemu-system-x86: E: No space left',
      remedy: expect.stringContaining('apt-get install qemu-system-x86') as unknown,
    });
  });

  test('names the packages with their reasons where there is no apt', async () => {
    const environment = await machine({}, '');
    await expect(installPackages([qemu], { signal, report: () => undefined }, environment)).rejects.toMatchObject({
      code: 'MACHINE_NOT_SUPPORTED',
      message: expect.stringContaining('qemu-system-x86 (runs the microVMs)') as unknown,
    });
  });
});
