import { mkdtemp, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type ModelService, startModelService } from '../../src/apps/model-service/index.ts';
import { modelSources } from '../../src/apps/setup/model-sources.ts';
import { loadConfiguration } from '../../src/config/index.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { createOllamaModel, createOpenAiCompatibleModel } from '../../src/llm/index.ts';
import { ensureModel } from '../../src/llm/store/index.ts';
import { describeModel } from '../../src/llm/suite/index.ts';

/** The contract of `Model` on a real model: the smallest one, behind our own model service, over both of its protocols. */
const name = 'smollm2:135m';
const { cacheDir } = loadConfiguration();
let dataDir: string;
let service: ModelService;

beforeAll(async () => {
  const signal = new AbortController().signal;
  await ensureModel(name, { cacheDir, sources: modelSources({ home: homedir() }), signal });
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-seam-'));
  const options = { cacheDir, dataDir, instance: 'seam', model: name, port: 0, logger: silentLogger, sources: [] };
  service = await startModelService({ ...options, sequences: 2 });
});

afterAll(async () => {
  await service.close();
  await rm(dataDir, { recursive: true });
});

describeModel('our model service over Ollama’s API', {
  canFail: false,
  prepare: async () => createOllamaModel({ baseUrl: service.url, name }),
});

describeModel('our model service over OpenAI’s protocol', {
  canFail: false,
  prepare: async () => createOpenAiCompatibleModel({ baseUrl: service.url, name }),
});
