import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { Header } from 'tar';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeRunningVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, testServiceKey, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { ErrorBody } from '../../contracts/errors.ts';
import { createVmClient, type VmClient } from '../../sdk/index.ts';

const readyTimeoutMs = 240_000;
const maxUploadBytes = 6_000_000;
const home = '/home/sandbox';
let service: TestVmService;
let client: VmClient;
let vmId: string;

beforeAll(async () => {
  service = await startTestVmService({ limits: { maxUploadBytes } });
  client = createVmClient({ baseUrl: service.url, key: testServiceKey });
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
  vmId = await makeRunningVm(service);
}, readyTimeoutMs);
afterAll(() => service.close());

const soon = (): AbortSignal => AbortSignal.timeout(60_000);
const at = (path: string): { readonly vmId: string; readonly path: string } => ({ vmId, path: `${home}/${path}` });
const run = async (shell: string): Promise<string> => {
  const { stdout, stderr } = await client.exec(vmId, { shell }, soon());
  return stdout + stderr;
};
const refusedWith = (words: RegExp): object => ({
  code: 'GUEST_FILE_ERROR',
  message: expect.stringMatching(words) as string,
});
const archiveUrl = (path: string): string =>
  `/api/v1/vms/${vmId}/files/archive?${new URLSearchParams({ path: `${home}/${path}` }).toString()}`;
const streamOf = (...parts: readonly Uint8Array[]): ReadableStream<Uint8Array> => ReadableStream.from(parts);

/** The header of one file, and where that is empty the end. */
function archiveWith(name: string, size = 0): Buffer {
  const blocks = Buffer.alloc(size === 0 ? 1536 : 512);
  new Header({ path: name, type: 'File', size, mode: 0o644 }).encode(blocks, 0);
  return blocks;
}

describe('a folder', () => {
  test('goes out and in again as it was', async () => {
    await run(`mkdir -p tree/empty "tree/Übung 1/${'long/'.repeat(40)}"; cd tree
      for i in $(seq 500); do echo $i > "Übung 1/$i"; done
      head -c 3000000 /dev/urandom > data; chmod 640 data; chmod 700 empty; ln data hard
      ln -s ../data "Übung 1/inside"; ln -s /etc/hostname outside; ln -s nothing dangling; printf x > -rf; mkfifo pipe`);
    await client.unpackFolder({ ...at('copied/to'), archive: await client.packFolder(at('tree'), soon()) }, soon());
    const describeTree = `find . -printf '%p %y %m %l\\n' | sort; find . -type f -exec sha256sum {} + | sort`;
    const [before, after] = [await run(`cd tree; ${describeTree}`), await run(`cd copied/to; ${describeTree}`)];
    expect(after.split('\n').slice(1)).toEqual(before.split('\n').slice(1));
    expect(before.split('\n').length).toBeGreaterThan(1000);
    expect(await run('stat -c %U copied copied/to/data')).toBe('sandbox\nsandbox\n');
  });

  test('is added to one that is there, whose own permissions stay', async () => {
    await run('mkdir -m 750 there; echo old > there/data; echo kept > there/kept; mkdir from; echo new > from/data');
    await client.unpackFolder({ ...at('there'), archive: await client.packFolder(at('from'), soon()) }, soon());
    expect(await run('stat -c %a there; cat there/data there/kept')).toBe('750\nnew\nkept\n');
  });

  test('comes only as fast as it is read, and is packed no more when nobody reads', async () => {
    await run('mkdir -p huge; truncate -s 4G huge/nothing');
    const response = await service.call(archiveUrl('huge'));
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/x-tar',
      'content-disposition': `attachment; filename="huge.tar"; filename*=UTF-8''huge.tar`,
    });
    const reader = response.body?.getReader();
    await reader?.read();
    expect(await run('pgrep -xc tar')).toBe('1\n');
    await reader?.cancel();
    await vi.waitFor(async () => expect(await run('pgrep -xc tar')).toBe('0\n'), { timeout: 20_000, interval: 500 });
  });

  test('of which not all may be read is not packed', async () => {
    await run('mkdir -p partly/locked; touch partly/file; chmod 0 partly/locked');
    await expect(client.packFolder(at('partly'), soon())).rejects.toMatchObject(refusedWith(/locked may not be read/));
    await expect(client.packFolder(at('nothing'), soon())).rejects.toMatchObject(refusedWith(/nothing/));
    await expect(client.packFolder(at('partly/file'), soon())).rejects.toMatchObject(refusedWith(/partly\/file/));
    const below = { ...at('partly/file/below'), archive: streamOf(archiveWith('x')) };
    await expect(client.unpackFolder(below, soon())).rejects.toMatchObject(refusedWith(/not a directory/i));
  });
});

describe('an archive', () => {
  test('whose names lead out of the folder, or that is none, is refused with the words of tar', async () => {
    await run('mkdir -p in/deep');
    const unpack = (...parts: readonly Uint8Array[]): Promise<void> =>
      client.unpackFolder({ ...at('in/deep'), archive: streamOf(...parts) }, soon());
    await expect(unpack(archiveWith('../escaped'))).rejects.toMatchObject(refusedWith(/contains '\.\.'/));
    await expect(unpack(Buffer.alloc(4096, 'no archive'))).rejects.toMatchObject(refusedWith(/not look like a tar/));
    await expect(unpack(archiveWith('x', 1000), Buffer.alloc(100))).rejects.toMatchObject(
      refusedWith(/EOF|end of file/i),
    );
    await unpack(archiveWith(`${home}/absolute`));
    expect(await run('find in -name escaped -o -name absolute')).toBe(`in/deep${home}/absolute\n`);
  });

  test('over the limit is refused, and so is one of another type', async () => {
    const big = randomBytes(maxUploadBytes + 1);
    const archive = streamOf(archiveWith('big', big.length), big);
    const unpack = client.unpackFolder({ ...at('limited'), archive }, soon());
    await expect(unpack).rejects.toMatchObject({ code: 'BODY_TOO_LARGE', context: { limit: 'max_upload_bytes' } });
    await vi.waitFor(async () => expect(await run('pgrep -xc tar')).toBe('0\n'), { timeout: 20_000 });
    const typed = await service.call(archiveUrl('limited'), {
      method: 'PUT',
      body: archiveWith('x'),
      headers: { 'content-type': 'application/gzip' },
    });
    expect([typed.status, ErrorBody.parse(await typed.json()).code]).toEqual([415, 'UNSUPPORTED_MEDIA_TYPE']);
  });

  test('whose sender leaves is unpacked no more', async () => {
    const headers = { authorization: `Bearer ${testServiceKey}`, 'content-type': 'application/x-tar' };
    const cut = request(`${service.url}${archiveUrl('cut')}`, { method: 'PUT', headers });
    cut.on('error', () => undefined).write(archiveWith('first', 1000));
    await vi.waitFor(async () => expect(await run('pgrep -xc tar')).toBe('1\n'), { timeout: 20_000 });
    cut.destroy();
    await vi.waitFor(async () => expect(await run('pgrep -xc tar')).toBe('0\n'), { timeout: 20_000 });
  });
});
