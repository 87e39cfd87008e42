import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { type IncomingMessage, type Server, type ServerResponse, createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { BigboxError } from '../../contracts/errors.ts';
import type { CatalogueModel } from './catalogue.ts';
import { createFileSource, createOllamaSource } from './file-source.ts';
import { modelPath } from './files.ts';
import { createHubSource } from './hub-source.ts';
import type { Source } from './source.ts';
import { type DownloadProgress, type EnsureOptions, ensureContent } from './store.ts';

const content = Buffer.alloc(300_000, 'a model in miniature, ');
const model: CatalogueModel = {
  name: 'tiny:1k',
  aliases: [],
  file: 'tiny.gguf',
  bytes: content.length,
  sha256: createHash('sha256').update(content).digest('hex'),
  licence: 'Apache-2.0',
  family: 'tiny',
  parameters: '1K',
  quantization: 'F32',
  contextLength: 16,
  memoryBytes: 1,
  freeMemoryBytes: 1,
  role: 'test',
  suits: 'tests',
  sources: { hub: 'owner/tiny/resolve/main/tiny.gguf' },
};

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

const whole: Answer = (_request, response) => response.end(content);
const ranged: Answer = (request, response) => {
  const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? 'bytes=0-')?.[1]);
  response.statusCode = from > 0 ? 206 : 200;
  response.end(content.subarray(from));
};
const cutInHalf: Answer = (_request, response) => {
  response.setHeader('content-length', content.length);
  response.write(content.subarray(0, content.length / 2), () => response.destroy());
};
const otherContent: Answer = (_request, response) => response.end(Buffer.alloc(content.length, 'x'));

let directory: string;
let server: Server;
let hub: Source;
let requests: IncomingMessage[];
let answer: Answer;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-store-'));
  requests = [];
  answer = whole;
  server = createServer((request, response) => {
    requests.push(request);
    answer(request, response);
  });
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  hub = createHubSource({ url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` });
});

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await rm(directory, { recursive: true });
});

const ensure = (options: Partial<EnsureOptions> = {}) =>
  ensureContent(model, { cacheDir: directory, sources: [hub], signal: new AbortController().signal, ...options });

const failureOf = async (work: Promise<unknown>): Promise<BigboxError> => {
  const thrown = await work.then(() => undefined).catch((error: unknown) => error);
  expect(thrown).toBeInstanceOf(BigboxError);
  return thrown as BigboxError;
};

describe('ensureModel()', () => {
  test('downloads the file of the publisher and tells how far it is', async () => {
    const progress: DownloadProgress[] = [];
    const stored = await ensure({ onProgress: (update) => progress.push(update) });
    expect(stored.path).toBe(join(directory, 'models', `sha256-${model.sha256}`));
    expect(await readFile(stored.path)).toEqual(content);
    expect(requests.map((request) => request.url)).toEqual([`/${model.sources.hub}`]);
    expect(progress.at(-1)).toMatchObject({ step: 'verifying', completedBytes: content.length });
    const bytes = progress.map((update) => update.completedBytes);
    expect(bytes).toEqual(bytes.toSorted((one, other) => one - other));
  });

  test('asks no source when the content is here', async () => {
    await ensure();
    await ensure({ sources: [] });
    expect(requests).toHaveLength(1);
  });

  test('goes on where an interrupted download stopped', async () => {
    answer = cutInHalf;
    await failureOf(ensure());
    answer = ranged;
    const stored = await ensure();
    expect(requests[1]?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(await readFile(stored.path)).toEqual(content);
  });

  test('starts over when the source cannot go on in the middle', async () => {
    answer = cutInHalf;
    await failureOf(ensure());
    answer = whole;
    expect(await readFile((await ensure()).path)).toEqual(content);
  });

  test('starts over when what an earlier try left is not the beginning of the model', async () => {
    await mkdir(join(directory, 'models'));
    await writeFile(`${modelPath(directory, model)}.partial`, Buffer.alloc(1000, 'z'));
    answer = ranged;
    expect(await readFile((await ensure()).path)).toEqual(content);
    expect(requests.map((request) => request.headers.range)).toEqual(['bytes=1000-', undefined]);
  });

  test('refuses other content, keeps nothing of it, and takes the next source', async () => {
    const good = join(directory, 'good.gguf');
    await writeFile(good, content);
    answer = otherContent;
    const stored = await ensure({ sources: [hub, createFileSource(good)] });
    expect(await readFile(stored.path)).toEqual(content);
  });

  test('names every source with its reason when none brings the model', async () => {
    answer = otherContent;
    const error = await failureOf(
      ensure({
        sources: [createFileSource('/nowhere/tiny.gguf'), createOllamaSource([join(directory, 'ollama')]), hub],
      }),
    );
    expect(error.code).toBe('MODEL_DOWNLOAD_FAILED');
    expect(error.message).toMatch(/file \/nowhere\/tiny\.gguf: ENOENT/);
    expect(error.message).toMatch(/Ollama: no blob of this hash/);
    expect(error.message).toMatch(/hub http.*: brought other content: expected sha256 [0-9a-f]{64}, got [0-9a-f]{64}/);
    expect(await readdir(join(directory, 'models'))).toEqual([]);
  });

  test('asks the sources in their order and stops at the first that has it', async () => {
    const blobs = join(directory, 'ollama', 'blobs');
    await mkdir(blobs, { recursive: true });
    await writeFile(join(blobs, `sha256-${model.sha256}`), content);
    await ensure({ sources: [createOllamaSource([join(directory, 'ollama')]), hub] });
    expect(requests).toHaveLength(0);
  });

  test('says how much space is missing before it asks a source', async () => {
    const error = await failureOf(ensure({ freeBytes: () => Promise.resolve(1000) }));
    expect(error.code).toBe('DISK_FULL');
    expect(error.context).toMatchObject({ free_bytes: 1000 });
    expect(requests).toHaveLength(0);
  });

  test('throws the reason of an abort and keeps what has come', async () => {
    const controller = new AbortController();
    answer = (_request, response) => void response.write(content.subarray(0, 100_000));
    const work = ensure({
      signal: controller.signal,
      onProgress: ({ completedBytes }) => {
        if (completedBytes > 0) controller.abort(new Error('enough'));
      },
    });
    await expect(work).rejects.toThrow('enough');
    expect((await stat(`${modelPath(directory, model)}.partial`)).size).toBeGreaterThan(0);
  });

  test('lets one of several callers download', async () => {
    const stored = await Promise.all([ensure(), ensure(), ensure()]);
    expect(new Set(stored.map(({ path }) => path)).size).toBe(1);
    expect(requests).toHaveLength(1);
  });

  test('notices that a file was changed after it was checked', async () => {
    const { path } = await ensure();
    await writeFile(path, Buffer.alloc(content.length, 'y'));
    expect(await readFile((await ensure()).path)).toEqual(content);
  });
});
