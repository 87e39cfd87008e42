import { chmod, lstat, mkdir, mkdtemp, readdir, readFile, readlink, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type FcctlEnd, runFcctl } from '../../../../test/fixtures/run-fcctl.ts';
import { makeRunningVm } from '../../../../test/fixtures/running-vms.ts';
import { longName, tarEnd, tarMember } from '../../../../test/fixtures/tar-blocks.ts';
import { startTestVmService, testServiceKey, type TestVmService } from '../../../../test/fixtures/vm-service.ts';

const readyTimeoutMs = 240_000;
let service: TestVmService;
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'bigbox-copy-'));
  service = await startTestVmService({ limits: { maxUploadBytes: 4_000_000 } });
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
  await makeRunningVm(service, { vm_name: 'mine' });
}, readyTimeoutMs);
afterAll(async () => {
  await service.close();
  await rm(folder, { recursive: true });
});

const here = (...names: readonly string[]): string => join(folder, ...names);
const fcctl = (...args: readonly string[]): Promise<FcctlEnd> =>
  runFcctl(args, { url: service.url, key: testServiceKey });
const inVm = async (line: string, ...more: readonly string[]): Promise<string> => {
  const { stdout, stderr } = await fcctl('vm', 'exec', ...more, 'mine', '--shell', '--', line);
  return stdout + stderr;
};
const silentSuccess = { code: 0, stdout: '', stderr: '' };

describe('fcctl cp -r', () => {
  test('brings a folder into a VM and back with its permissions and links', async () => {
    await mkdir(here('site/deep/Übung'), { recursive: true });
    await writeFile(here('site/run.sh'), 'echo run\n', { mode: 0o750 });
    await writeFile(here('site/deep/Übung/data'), Buffer.alloc(2_000_000, 'data'));
    await symlink('../run.sh', here('site/deep/link'));
    await chmod(here('site/deep'), 0o700);
    expect(await fcctl('cp', '-r', here('site'), 'mine:')).toEqual(silentSuccess);
    expect(await inVm('cd site; stat -c "%U %a" run.sh deep; readlink deep/link; wc -c < deep/Übung/data')).toBe(
      'sandbox 750\nsandbox 700\n../run.sh\n2000000\n',
    );
    expect(await fcctl('cp', '-r', 'mine:site', here('back'))).toEqual(silentSuccess);
    expect(await fcctl('cp', '-r', 'mine:site', here('back'))).toEqual(silentSuccess);
    expect((await readdir(here('back'))).toSorted()).toEqual(['deep', 'run.sh', 'site']);
    expect((await readdir(here('back/deep'))).toSorted()).toEqual(['link', 'Übung']);
    expect((await lstat(here('back/run.sh'))).mode & 0o7777).toBe(0o750);
    expect(await readlink(here('back/deep/link'))).toBe('../run.sh');
    expect(await readFile(here('back/deep/Übung/data'))).toEqual(Buffer.alloc(2_000_000, 'data'));
  });

  test('copies a file as well, and refuses a folder without it', async () => {
    await writeFile(here('one'), 'one');
    expect(await fcctl('cp', '-r', here('one'), 'mine:')).toEqual(silentSuccess);
    expect(await fcctl('cp', '-r', 'mine:one', here('two'))).toEqual(silentSuccess);
    expect(await readFile(here('two'), 'utf8')).toBe('one');
    expect(await fcctl('cp', folder, 'mine:')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('-r') as string,
    });
  });

  test('says what it leaves out, and copies the rest', async () => {
    await inVm('mkdir odd; cd odd; echo good > good; mkfifo pipe; ln -s /etc/hostname away');
    const { code, stderr } = await fcctl('cp', '-r', 'mine:odd', here('odd'));
    expect([code, stderr]).toEqual([1, expect.stringContaining('All was copied but 2 named above.')]);
    expect(stderr).toContain('left out "./away": it links to "/etc/hostname", outside of the folder\n');
    expect(stderr).toContain('left out "./pipe": it is no file, folder or link\n');
    expect(await readdir(here('odd'))).toEqual(['good']);
  });

  test('keeps to the limits on either side, and tells what a guest refuses', async () => {
    const small = await fcctl('cp', '-r', '--max-size', '100k', 'mine:site', here('limited'));
    expect(small).toMatchObject({ code: 1, stderr: expect.stringContaining('--max-size') as string });
    await mkdir(here('large'));
    await writeFile(here('large/file'), Buffer.alloc(4_000_001));
    const large = await fcctl('cp', '-r', here('large'), 'mine:');
    expect(large).toMatchObject({ code: 1, stderr: expect.stringContaining('(BODY_TOO_LARGE)') as string });
    await mkdir(here('ssl'));
    await writeFile(here('ssl/file'), 'x');
    const locked = await fcctl('cp', '-r', here('ssl'), 'mine:/etc');
    expect(locked).toMatchObject({ code: 1, stderr: expect.stringContaining('Permission denied') as string });
    await inVm('mkdir -p partly; mkdir -m 0 partly/closed');
    const hidden = await fcctl('cp', '-r', 'mine:partly', here('partly'));
    expect(hidden).toMatchObject({ code: 1, stderr: expect.stringContaining('closed may not be read') as string });
    const nothing = await fcctl('cp', '-r', here('nothing'), 'mine:');
    expect(nothing).toMatchObject({ code: 2, stderr: expect.stringContaining('nothing of this name') as string });
  });
});

describe('a guest whose tar is not to be trusted', () => {
  const send = async (...archive: readonly Uint8Array[]): Promise<FcctlEnd> => {
    await writeFile(here('hostile.tar'), Buffer.concat(archive));
    await fcctl('cp', here('hostile.tar'), 'mine:/tmp/hostile.tar');
    return fcctl('cp', '-r', 'mine:site', here('target'));
  };
  beforeAll(async () => {
    await mkdir(here('target'));
    await writeFile(here('target/victim'), 'untouched');
    const program = 'printf "#!/bin/sh\\ncat /tmp/hostile.tar\\n" > /usr/local/bin/tar; chmod 755 /usr/local/bin/tar';
    expect(await inVm(program, '--user', 'root')).toBe('');
  });

  test('cannot write outside of the folder that is copied to', async () => {
    const bad = tarMember({ path: '../victim' }, 'bad');
    const up = tarMember({ path: 'up', linkpath: '..', type: 'SymbolicLink' });
    const through = tarMember({ path: 'up/victim' }, 'bad');
    const stopped = { code: 1, stderr: expect.stringContaining('(ARCHIVE_REFUSED)') as string };
    expect(await send(bad, tarEnd)).toMatchObject(stopped);
    expect(await send(longName(here('target/victim')), tarMember({ path: 'x' }, 'bad'), tarEnd)).toMatchObject(stopped);
    expect(await send(up, tarEnd)).toMatchObject(stopped);
    // Without the link that was left out it is a folder like others.
    expect(await send(up, through, tarEnd)).toMatchObject(stopped);
    expect(await readFile(here('target/site/up/victim'), 'utf8')).toBe('bad');
    expect(await send(tarMember({ path: 'cut' }, 'x'))).toMatchObject(stopped);
    expect(await readFile(here('target/victim'), 'utf8')).toBe('untouched');
    expect((await readdir(here('target'))).toSorted()).toEqual(['site', 'victim']);
  });
});
