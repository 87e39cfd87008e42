import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeRunningVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, testServiceKey, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { createVmClient, type VmClient } from '../../sdk/index.ts';

const readyTimeoutMs = 240_000;
let service: TestVmService;
let client: VmClient;
let vmId: string;

beforeAll(async () => {
  service = await startTestVmService();
  client = createVmClient({ baseUrl: service.url, key: testServiceKey });
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
  vmId = await makeRunningVm(service);
}, readyTimeoutMs);
afterAll(() => service.close());

const at = (path: string): { readonly vmId: string; readonly path: string } => ({ vmId, path });
const soon = (): AbortSignal => AbortSignal.timeout(30_000);
const run = async (line: string): Promise<string> => (await client.exec(vmId, { shell: line }, soon())).stdout;
const isRefused = { code: 'GUEST_FILE_ERROR' };

test('reads a part of a file, also behind its end', async () => {
  const file = at('/home/sandbox/letters');
  await client.writeFile({ ...file, data: new TextEncoder().encode('abcdefghij') }, soon());
  const read = async (part: object): Promise<string> =>
    Buffer.from(await client.readFile({ ...file, ...part }, soon())).toString();
  expect(await read({})).toBe('abcdefghij');
  expect(await read({ offset: 3, length: 4 })).toBe('defg');
  expect(await read({ offset: 8 })).toBe('ij');
  expect(await read({ offset: 8, length: 100 })).toBe('ij');
  expect(await read({ offset: 100 })).toBe('');
  expect(await read({ length: 0 })).toBe('');
});

test('describes a link, or what it names', async () => {
  await run('printf 12345 > five; chmod 640 five; ln -sf five link');
  const link = at('/home/sandbox/link');
  expect(await client.statFile({ ...link, follow: false }, soon())).toMatchObject({
    name: 'link',
    kind: 'symlink',
    link_target: 'five',
  });
  expect(await client.statFile(link, soon())).toMatchObject({ kind: 'file', size: 5, mode: 0o640 });
  await expect(client.statFile(at('/home/sandbox/nothing'), soon())).rejects.toMatchObject(isRefused);
  await expect(client.statFile(at('relative'), soon())).rejects.toMatchObject(isRefused);
});

test('makes folders of the user without rights, and leaves those that are there as they are', async () => {
  const folder = at('/home/sandbox/a/b/c');
  await client.makeFolder({ ...folder, mode: 0o700 }, soon());
  await client.makeFolder(folder, soon());
  expect(await run('stat -c "%U %a" a/b a/b/c')).toBe('sandbox 755\nsandbox 700\n');
  await run('touch file');
  await expect(client.makeFolder(at('/home/sandbox/file/below'), soon())).rejects.toMatchObject(isRefused);
});

test('removes files, links without what they name, and folders with all that is in them where that is said', async () => {
  await run('mkdir -p full/of; printf 1 > full/of/it; printf kept > kept; ln -sf ../kept full/link');
  await client.removeFile(at('/home/sandbox/full/link'), soon());
  expect(await run('cat kept')).toBe('kept');
  await expect(client.removeFile(at('/home/sandbox/full'), soon())).rejects.toMatchObject(isRefused);
  expect(await run('cat full/of/it')).toBe('1');
  await client.removeFile({ ...at('/home/sandbox/full'), recursive: true }, soon());
  await expect(client.statFile(at('/home/sandbox/full'), soon())).rejects.toMatchObject(isRefused);
  await expect(client.removeFile(at('/home/sandbox/full'), soon())).rejects.toMatchObject(isRefused);
});

test('adds to the end of a file, and makes it where it is missing', async () => {
  const file = at('/home/sandbox/new/log');
  const add = (text: string): Promise<void> =>
    client.writeFile({ ...file, data: new TextEncoder().encode(text), append: true }, soon());
  await add('one\n');
  await run('chmod 600 new/log');
  await add('two\n');
  expect(await run('stat -c "%U %a" new/log; cat new/log')).toBe('sandbox 600\none\ntwo\n');
});

test('moves a file, and replaces another only where that is said', async () => {
  await run('printf old > old; printf other > other');
  const old = at('/home/sandbox/old');
  await expect(client.moveFile({ ...old, to: '/home/sandbox/other' }, soon())).rejects.toMatchObject(isRefused);
  expect(await run('cat old other')).toBe('oldother');
  await client.moveFile({ ...old, to: '/home/sandbox/other', overwrite: true }, soon());
  expect(await run('cat other; ls old')).toBe('old');
  await expect(client.moveFile({ ...old, to: '/home/sandbox/third' }, soon())).rejects.toMatchObject(isRefused);
  const over = { ...at('/home/sandbox/other'), to: '/dev/shm/other' };
  await expect(client.moveFile(over, soon())).rejects.toMatchObject(isRefused);
});

test('sets permission bits', async () => {
  await run('touch tool');
  await client.changeFileMode({ ...at('/home/sandbox/tool'), mode: 0o751 }, soon());
  expect(await run('stat -c %a tool')).toBe('751\n');
});

test('lists folders in a folder to a depth, and does not follow links out of it', async () => {
  await run('mkdir -p tree/one/two; touch tree/a tree/one/b tree/one/two/c; ln -s /etc tree/out');
  const names = async (depth: number): Promise<readonly string[]> =>
    (await client.listFiles({ ...at('/home/sandbox/tree'), depth }, soon())).map(({ name }) => name);
  expect(await names(1)).toEqual(['a', 'one', 'out']);
  expect(await names(2)).toEqual(['a', 'one', 'one/b', 'one/two', 'out']);
  expect(await names(3)).toEqual(['a', 'one', 'one/b', 'one/two', 'one/two/c', 'out']);
});
