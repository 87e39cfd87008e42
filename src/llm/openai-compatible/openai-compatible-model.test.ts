import { afterEach, describe, expect, test } from 'vitest';
import type { FaultKind } from '../../../test/fixtures/fake-ollama/index.ts';
import { type FakeOpenAi, startFakeOpenAi } from '../../../test/fixtures/fake-openai/index.ts';
import type { Model } from '../model.ts';
import { describeModel, type SuiteScene } from '../suite/index.ts';
import { createOpenAiCompatibleModel, listOpenAiModels } from './index.ts';

const faults: Readonly<Record<string, FaultKind>> = {
  missing: 'model-missing',
  busy: 'queue-full',
  broken: 'server-error',
  'breaks-off': 'end-without-done',
  'error-in-stream': 'error-in-stream',
  cut: 'cut-by-length',
};
const open: FakeOpenAi[] = [];
afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close();
});

async function start(says?: readonly string[], apiKey?: string): Promise<FakeOpenAi> {
  const fake = await startFakeOpenAi({ script: () => says, ...(apiKey === undefined ? {} : { apiKey }) });
  open.push(fake);
  return fake;
}

async function prepare({ says, fails, hangs }: SuiteScene): Promise<Model> {
  const fake = await start(says);
  if (fails === 'unreachable') await fake.close();
  const kind = faults[fails ?? ''];
  if (kind !== undefined) fake.journal.addFault({ kind, times: 2 });
  if (hangs === true) fake.journal.hold('', 1);
  return createOpenAiCompatibleModel({ baseUrl: fake.url, name: 'fake' });
}

describeModel('an OpenAI-compatible server', { prepare, canFail: true });

const request = { system: 'S', prompt: 'P', maxOutputTokens: 50, signal: new AbortController().signal };

describe('createOpenAiCompatibleModel()', () => {
  test('sends schema, seed, temperature and room in the places of the protocol, and the key as a bearer token', async () => {
    const fake = await start(['{}'], 'sk-right');
    const schema = { type: 'object', properties: {} };
    const model = createOpenAiCompatibleModel({ baseUrl: `${fake.url}/v1/`, name: 'fake', apiKey: 'sk-right' });
    await Array.fromAsync(model.generate({ ...request, schema, seed: 5, temperature: 0.5 }));
    expect(fake.journal.calls[0]?.request).toMatchObject({
      model: 'fake',
      response_format: { type: 'json_schema', json_schema: { schema } },
      seed: 5,
      temperature: 0.5,
      max_tokens: 50,
      stream_options: { include_usage: true },
    });
  });

  test.each(['split-line', 'split-character', 'thinking'] as const)('reads the text whole through %s', async (kind) => {
    const fake = await start(['Zürich ', '日本 ', '😀']);
    fake.journal.addFault({ kind });
    const model = createOpenAiCompatibleModel({ baseUrl: fake.url, name: 'fake' });
    expect((await Array.fromAsync(model.generate(request))).at(-1)).toMatchObject({ text: 'Zürich 日本 😀' });
  });

  test('says what the server said about a wrong key, without the key', async () => {
    const fake = await start([], 'sk-right');
    const model = createOpenAiCompatibleModel({ baseUrl: fake.url, name: 'fake', apiKey: 'sk-wrong' });
    await expect(Array.fromAsync(model.generate(request))).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      message: expect.not.stringContaining('sk-') as string,
    });
  });
});

describe('listOpenAiModels()', () => {
  test('gives the names', async () => {
    const fake = await start();
    expect(await listOpenAiModels({ baseUrl: fake.url }, request.signal)).toEqual(['fake']);
  });
});
