import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { makeRunningVm } from '../../../test/fixtures/running-vms.ts';
import { runFcctl } from '../../../test/fixtures/run-fcctl.ts';
import { startTestVmService, testServiceKey, type TestVmService } from '../../../test/fixtures/vm-service.ts';
import type { FileChange } from '../../contracts/file-changes.ts';
import { createVmClient, type VmClient } from '../../sdk/index.ts';

const readyTimeoutMs = 240_000;
const home = '/home/sandbox';
/** That one guest keeps at once. */
const maxWatches = 16;
let service: TestVmService;
let client: VmClient;
let vmId: string;
let left: AbortController;

beforeAll(async () => {
  service = await startTestVmService();
  client = createVmClient({ baseUrl: service.url, key: testServiceKey });
  await service.ready(AbortSignal.timeout(readyTimeoutMs));
  vmId = await makeRunningVm(service);
}, readyTimeoutMs);
beforeEach(() => void (left = new AbortController()));
afterEach(() => left.abort());
afterAll(() => service.close());

const soon = (): AbortSignal => AbortSignal.timeout(60_000);
const run = async (shell: string): Promise<string> => (await client.exec(vmId, { shell }, soon())).stdout;
const toLine = (change: FileChange): string => {
  if (change.type === 'watching' || change.type === 'overflow') return change.type;
  const from = change.type === 'moved' ? `${change.from.replace(home, '~')} ` : '';
  return `${change.type} ${from}${change.path.replace(home, '~')}${change.is_folder ? '/' : ''}`;
};

/** What is told of a path: begun when this resolves. */
async function watch(path: string, recursive = true): Promise<AsyncIterator<FileChange>> {
  const signal = AbortSignal.any([left.signal, soon()]);
  const changes = client.watchFiles({ vmId, path: `${home}/${path}`, recursive }, signal)[Symbol.asyncIterator]();
  expect(await changes.next()).toEqual({ done: false, value: { type: 'watching' } });
  return changes;
}

/** Up to one that is the last, or to the end. */
async function told(changes: AsyncIterator<FileChange>, last?: string): Promise<readonly string[]> {
  const lines: string[] = [];
  for (let next = await changes.next(); next.done !== true; next = await changes.next()) {
    lines.push(toLine(next.value));
    if (lines.at(-1) === last) break;
  }
  return lines;
}

describe('what is watched', () => {
  test('is refused where there is nothing', async () => {
    await expect(watch('nothing')).rejects.toMatchObject({ code: 'GUEST_FILE_ERROR' });
  });

  test('is no longer when nobody looks', async () => {
    await run('mkdir several');
    const all = Array.from({ length: maxWatches }, () => watch('several'));
    const next = (await Promise.all(all)).map((changes) => changes.next());
    await expect(watch('several')).rejects.toMatchObject({ code: 'GUEST_FILE_ERROR' });
    left.abort();
    expect((await Promise.allSettled(next)).every(({ status }) => status === 'rejected')).toBe(true);
    left = new AbortController();
    await vi.waitFor(() => watch('several'), { timeout: 20_000, interval: 200 });
  });
});

describe('a watched folder', () => {
  test('tells what happens in it and below, until it is gone', async () => {
    await run('mkdir -p tree/old');
    const changes = await watch('tree');
    await run('cd tree; mkdir -p new/deep; printf 1 > new/deep/file');
    expect(await told(changes, 'modified ~/tree/new/deep/file')).toEqual(
      expect.arrayContaining(['created ~/tree/new/', 'created ~/tree/new/deep/', 'created ~/tree/new/deep/file']),
    );
    await run('cd tree; mv new moved; chmod 600 moved/deep/file; ln -s / out; rm -r old');
    expect(await told(changes, 'removed ~/tree/old/')).toEqual([
      'moved ~/tree/new ~/tree/moved/',
      'modified ~/tree/moved/deep/file',
      'created ~/tree/out',
      'removed ~/tree/old/',
    ]);
    await run('rm -r tree');
    const end = await told(changes);
    expect([end.at(-1), end.includes('removed ~/tree/moved/deep/file')]).toEqual(['removed ~/tree/', true]);
  });

  test('tells of itself alone where no more is wanted, and a file of itself', async () => {
    await run('mkdir -p flat/below; printf 1 > flat/file');
    const [folder, file] = [await watch('flat', false), await watch('flat/file')];
    await run('touch flat/below/unseen; printf 2 > flat/file; touch flat/mark; rm -r flat');
    const lines = await told(folder);
    expect(lines).toEqual(expect.arrayContaining(['modified ~/flat/file', 'created ~/flat/mark', 'removed ~/flat/']));
    expect(lines.join()).not.toContain('unseen');
    expect(await told(file)).toEqual(expect.arrayContaining(['modified ~/flat/file', 'removed ~/flat/file']));
  });

  test('waits while the VM is paused', async () => {
    await run('mkdir paused');
    const changes = await watch('paused');
    await client.pauseVm(vmId);
    const next = changes.next();
    await client.resumeVm(vmId);
    await run('mkdir paused/later');
    expect(await next).toMatchObject({ value: { type: 'created', path: `${home}/paused/later`, is_folder: true } });
  });
});

test('fcctl vm files watch prints it', async () => {
  await run('mkdir printed');
  const options = { url: service.url, key: testServiceKey };
  let isBegun = false;
  const onOutput = (): void => {
    if (!isBegun) void run('touch printed/file; rm -r printed');
    isBegun = true;
  };
  const watched = await runFcctl(['vm', 'files', 'watch', '--json', `${vmId}:printed`], { ...options, onOutput });
  const changes = watched.stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as FileChange);
  expect(changes.map(toLine)).toEqual(
    expect.arrayContaining(['watching', 'created ~/printed/file', 'removed ~/printed/']),
  );
  expect(watched).toMatchObject({ code: 0, stderr: '' });
});
