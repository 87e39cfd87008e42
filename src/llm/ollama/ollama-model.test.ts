import { afterEach, describe, expect, test } from 'vitest';
import { type FakeOllama, type FaultKind, startFakeOllama } from '../../../test/fixtures/fake-ollama/index.ts';
import { describeModel, type SuiteScene } from '../suite/index.ts';
import { createOllamaModel } from './index.ts';

const faults: Readonly<Record<string, FaultKind>> = {
  missing: 'model-missing',
  busy: 'queue-full',
  broken: 'server-error',
  'breaks-off': 'end-without-done',
  'error-in-stream': 'error-in-stream',
  cut: 'cut-by-length',
};
const open: FakeOllama[] = [];
afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close();
});

async function start(says?: readonly string[]): Promise<FakeOllama> {
  const fake = await startFakeOllama({ script: () => says });
  open.push(fake);
  return fake;
}

async function prepare({ says, fails, hangs }: SuiteScene): ReturnType<typeof prepareModel> {
  return prepareModel(await start(says), { fails, hangs });
}

async function prepareModel(fake: FakeOllama, scene: { fails: SuiteScene['fails']; hangs: boolean | undefined }) {
  if (scene.fails === 'unreachable') await fake.close();
  const kind = faults[scene.fails ?? ''];
  if (kind !== undefined) fake.journal.addFault({ kind, times: 2 });
  if (scene.hangs === true) fake.journal.hold('', 1);
  return createOllamaModel({ baseUrl: fake.url, name: 'fake:latest' });
}

describeModel('Ollama', { prepare, canFail: true });

const request = { system: 'S', prompt: 'P', maxOutputTokens: 50, signal: new AbortController().signal };

describe('createOllamaModel()', () => {
  test('sends schema, seed, temperature, room, penalty and a sufficient context in the places where Ollama reads them', async () => {
    const fake = await start(['{}']);
    const model = createOllamaModel({ baseUrl: fake.url, name: 'fake' });
    const schema = { type: 'object', properties: {} };
    await Array.fromAsync(
      model.generate({ ...request, prompt: 'x'.repeat(15_000), schema, seed: 5, temperature: 0.5 }),
    );
    expect(fake.journal.calls[0]?.request).toMatchObject({
      model: 'fake',
      format: schema,
      stream: true,
      options: { seed: 5, temperature: 0.5, num_predict: 50, repeat_penalty: 1.12, num_ctx: 8192 },
    });
  });

  test.each(['split-line', 'split-character', 'thinking', 'slow-first-token'] as const)(
    'reads the text whole through %s',
    async (kind) => {
      const fake = await start(['Zürich ', '– ', '日本 ', '😀', 'x'.repeat(100_000)]);
      fake.journal.addFault({ kind, delayMs: 20 });
      const events = await Array.fromAsync(createOllamaModel({ baseUrl: fake.url, name: 'fake' }).generate(request));
      expect(events.at(-1)).toMatchObject({ text: `Zürich – 日本 😀${'x'.repeat(100_000)}` });
    },
  );

  test('takes a tool call that nobody offered as a failure', async () => {
    const fake = await start(['one ', 'two']);
    fake.journal.addFault({ kind: 'tool-call' });
    const model = createOllamaModel({ baseUrl: fake.url, name: 'fake' });
    await expect(Array.fromAsync(model.generate(request))).rejects.toMatchObject({ code: 'MODEL_FAILED' });
  });

  test.each([
    ['error-in-stream', 'llama runner process has terminated'],
    ['garbage-line', 'not JSON'],
  ] as const)('says what broke off at %s', async (kind, text) => {
    const fake = await start(['one ', 'two']);
    fake.journal.addFault({ kind });
    const model = createOllamaModel({ baseUrl: fake.url, name: 'fake' });
    await expect(Array.fromAsync(model.generate(request))).rejects.toMatchObject({
      code: 'MODEL_FAILED',
      message: expect.stringContaining(text) as string,
    });
  });

  test('makes a failed call once only', async () => {
    const fake = await start(['one']);
    fake.journal.addFault({ kind: 'queue-full', times: 5 });
    const model = createOllamaModel({ baseUrl: fake.url, name: 'fake' });
    await expect(Array.fromAsync(model.generate(request))).rejects.toMatchObject({
      code: 'MODEL_BUSY',
      message: expect.stringContaining('maximum pending requests exceeded') as string,
    });
    expect(fake.journal.calls).toHaveLength(1);
  });

  test('leaves the server when the caller stops reading', async () => {
    const fake = await start(['one ', 'two ', 'three']);
    const hold = fake.journal.hold('', 1);
    for await (const event of createOllamaModel({ baseUrl: fake.url, name: 'fake' }).generate(request))
      if (event.type === 'text-delta') break;
    const call = await hold.entered;
    await expect.poll(() => call.outcome).toBe('abandoned');
    hold.release();
  });
});
