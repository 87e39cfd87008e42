import { createHash, randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { makeRunningVm } from '../../../test/fixtures/running-vms.ts';
import { startTestVmService, testServiceKey, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import { ErrorBody } from '../../contracts/errors.ts';
import { createVmClient, type VmClient } from '../../sdk/index.ts';

const readyTimeoutMs = 240_000;
const maxUploadBytes = 3_000_000;
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

const soon = (): AbortSignal => AbortSignal.timeout(30_000);
const run = async (shell: string): Promise<string> => (await client.exec(vmId, { shell }, soon())).stdout;
const linkTo = async (path: string, action: 'download' | 'upload'): Promise<string> =>
  (await client.makeFileLink({ vmId, path, action }, soon())).url;
const put = (url: string, body: RequestInit['body'], more: object = {}): Promise<Response> =>
  fetch(url, { method: 'PUT', body: body ?? null, ...more });
const refusal = async (response: Response): Promise<string> => ErrorBody.parse(await response.json()).code;
const sha256 = (data: Uint8Array): string => createHash('sha256').update(data).digest('hex');

describe('a link to download', () => {
  test('gives a file of any size once, to be kept, whoever asks from wherever', async () => {
    await run('head -c 8000000 /dev/urandom > "big file.bin"');
    const url = await linkTo('/home/sandbox/big file.bin', 'download');
    const response = await fetch(url, {
      headers: { origin: 'https://elsewhere.example', 'sec-fetch-site': 'cross-site' },
    });
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/octet-stream',
      'content-disposition': `attachment; filename="big file.bin"; filename*=UTF-8''big%20file.bin`,
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    const sum = sha256(new Uint8Array(await response.arrayBuffer()));
    expect(await run('sha256sum < "big file.bin"')).toBe(`${sum}  -\n`);
    const again = await fetch(url);
    expect([again.status, await refusal(again)]).toEqual([403, 'LINK_INVALID']);
  });

  test('works still after HEAD, a wrong method, and a refusal by the guest', async () => {
    const url = await linkTo('/home/sandbox/later', 'download');
    expect(await refusal(await fetch(url))).toBe('GUEST_FILE_ERROR');
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(400);
    await run('printf here > later');
    expect(await refusal(await put(url, 'overwritten'))).toBe('LINK_INVALID');
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, head.headers.get('content-disposition')]).toEqual([
      200,
      `attachment; filename="later"; filename*=UTF-8''later`,
    ]);
    expect(await (await fetch(url)).text()).toBe('here');
    expect((await fetch(url, { method: 'HEAD' })).status).toBe(403);
  });

  test('is used by one of many who come at once', async () => {
    await run('printf one > contested');
    const url = await linkTo('/home/sandbox/contested', 'download');
    const statuses = await Promise.all(Array.from({ length: 5 }, async () => (await fetch(url)).status));
    expect(statuses.toSorted((left, right) => left - right)).toEqual([200, 403, 403, 403, 403]);
  });
});

describe('a link to upload', () => {
  test('writes a file once, with the folders above it', async () => {
    const data = randomBytes(maxUploadBytes);
    const url = await linkTo('/home/sandbox/in/data.bin', 'upload');
    const response = await put(url, data);
    expect(await response.json()).toEqual({ path: '/home/sandbox/in/data.bin', bytes: data.length });
    expect(await run('stat -c "%U %a" in/data.bin; sha256sum < in/data.bin')).toBe(`sandbox 644\n${sha256(data)}  -\n`);
    expect(await refusal(await put(url, 'again'))).toBe('LINK_INVALID');
    expect(await run('stat -c %s in/data.bin')).toBe(`${data.length}\n`);
    expect(await (await put(await linkTo('/home/sandbox/in/empty', 'upload'), null)).json()).toMatchObject({
      bytes: 0,
    });
  });

  test('works still after what is too large, of no known length, cut short, or refused by the guest', async () => {
    await run('rm -rf at; printf file > at');
    const url = await linkTo('/home/sandbox/at/last', 'upload');
    const tooLarge = await put(url, randomBytes(maxUploadBytes + 1));
    expect([tooLarge.status, await refusal(tooLarge)]).toEqual([413, 'BODY_TOO_LARGE']);
    const endless = await put(url, new Blob(['x']).stream(), { duplex: 'half' });
    expect(await refusal(endless)).toBe('INVALID_REQUEST');
    expect(await refusal(await put(url, 'below a file'))).toBe('GUEST_FILE_ERROR');
    await run('rm at');
    const cut = request(url, { method: 'PUT', headers: { 'content-length': 200_000 } });
    cut.on('error', () => undefined).write(randomBytes(100_000));
    await vi.waitFor(async () => expect(await run('ls -A at')).toContain('.part'), { timeout: 20_000 });
    cut.destroy();
    await vi.waitFor(async () => expect(await run('ls -A at')).toBe(''), { timeout: 20_000 });
    await vi.waitFor(async () => expect((await put(url, 'whole')).status).toBe(200), { timeout: 20_000 });
    expect(await run('cat at/last')).toBe('whole');
  });
});

test('a link ends with its VM', async () => {
  const { id } = await client.createVm({}, soon());
  const { url } = await client.makeFileLink({ vmId: id, path: '/etc/hostname' }, soon());
  await client.deleteVm(id, soon());
  const response = await fetch(url);
  expect([response.status, await refusal(response)]).toEqual([404, 'VM_NOT_FOUND']);
});

test.each([
  { path: 'relative' },
  { path: '/a\0b' },
  { path: `/${'ü'.repeat(2048)}` },
  { path: '/a', action: 'remove' },
])('no link is made to %o', async (wish) => {
  expect(await refusal(await service.post(`/api/v1/vms/${vmId}/files/links`, wish))).toBe('INVALID_REQUEST');
});
