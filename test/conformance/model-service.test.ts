import { kill } from 'node:process';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ChatRequest, Ollama } from 'ollama';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { loadConfiguration } from '../../src/config/index.ts';
import { silentLogger } from '../../src/lib/log.ts';
import { ensureModel } from '../../src/llm/store/index.ts';
import { type ModelService, startModelService } from '../../src/apps/model-service/index.ts';
import { modelSources } from '../../src/apps/setup/model-sources.ts';

const model = 'smollm2:135m';
const { cacheDir } = loadConfiguration();
const never = new AbortController().signal;
const user = (content: string) => ({ role: 'user' as const, content });
const fixed = { temperature: 0, seed: 1 };

let dataDir: string;
let service: ModelService;
let ollama: Ollama;
let openai: OpenAI;

beforeAll(async () => {
  await ensureModel(model, { cacheDir, sources: modelSources({ home: homedir() }), signal: never });
  dataDir = await mkdtemp(join(tmpdir(), 'bigbox-model-'));
  service = await startModelService({
    cacheDir,
    dataDir,
    instance: 'conformance',
    model,
    port: 0,
    logger: silentLogger,
    sources: [],
    sequences: 2,
    maxWaiting: 2,
    contextLength: 1024,
  });
  ollama = new Ollama({ host: service.url });
  openai = new OpenAI({ baseURL: `${service.url}/v1`, apiKey: 'none', maxRetries: 0 });
});

afterAll(async () => {
  await service.close();
  await rm(dataDir, { recursive: true });
});

const isIdle = () => vi.waitFor(() => expect(service.state().active).toBe(0), { timeout: 10_000 });

const post = async (path: string, body: string | undefined, headers: Record<string, string> = {}) => {
  const response = await fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    ...(body === undefined ? {} : { body }),
  });
  return { status: response.status, body: (await response.json()) as unknown };
};

/** Calls with a Host header of one's own, which `fetch` does not allow. */
const getWithHost = (path: string, host: string): Promise<number | undefined> => {
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  httpRequest(`${service.url}${path}`, { headers: { host } }, (response) => {
    response.resume();
    resolve(response.statusCode);
  })
    .on('error', reject)
    .end();
  return promise;
};

describe('the official Ollama client', () => {
  test('chats', async () => {
    const answer = await ollama.chat({
      model,
      messages: [user('Name a colour.')],
      options: { ...fixed, num_predict: 20 },
    });
    expect(answer.message.role).toBe('assistant');
    expect(answer.message.content.length).toBeGreaterThan(0);
    expect(answer).toMatchObject({ model, done: true });
    expect(answer.eval_count).toBeGreaterThan(0);
    expect(answer.prompt_eval_count).toBeGreaterThan(5);
    expect(answer.total_duration).toBeGreaterThanOrEqual(answer.eval_duration + answer.prompt_eval_duration);
  });

  test('streams the same text in pieces', async () => {
    const request = { model, messages: [user('Count to five.')], options: { ...fixed, num_predict: 30 } };
    const pieces = await Array.fromAsync(await ollama.chat({ ...request, stream: true }));
    const whole = await ollama.chat(request);
    expect(pieces.length).toBeGreaterThan(3);
    expect(pieces.map((piece) => piece.message.content).join('')).toBe(whole.message.content);
    expect(pieces.map((piece) => piece.done)).toEqual([...pieces.slice(1).map(() => false), true]);
  });

  test('generates, with a system text, raw, and cut at a stop text', async () => {
    const answer = await ollama.generate({ model, prompt: 'Hello', system: 'Be brief.', options: { num_predict: 8 } });
    expect(answer).toMatchObject({ done: true });
    const raw = await ollama.generate({
      model,
      prompt: 'One, two, three, four,',
      raw: true,
      options: { ...fixed, num_predict: 12 },
    });
    expect(raw.response).toMatch(/five/);
    const cut = await ollama.generate({
      model,
      prompt: 'One, two, three, four,',
      raw: true,
      options: { ...fixed, num_predict: 12, stop: ['five'] },
    });
    expect(cut.response).not.toMatch(/five/);
    expect(cut.done_reason).toBe('stop');
  });

  test('keeps to num_predict and says so', async () => {
    const answer = await ollama.chat({
      model,
      messages: [user('Tell a long story.')],
      options: { ...fixed, num_predict: 7 },
    });
    expect(answer).toMatchObject({ done_reason: 'length', eval_count: 7 });
  });

  test('gets JSON of the schema that it asks for', async () => {
    const format = {
      type: 'object',
      properties: {
        colour: { enum: ['red', 'green'] },
        count: { type: 'integer' },
        words: { type: 'array', minItems: 2, maxItems: 2, items: { type: 'string', maxLength: 12 } },
      },
      required: ['colour', 'count', 'words'],
    };
    const answer = await ollama.chat({
      model,
      messages: [user('Describe a leaf.')],
      format,
      options: { ...fixed, num_predict: 200 },
    });
    expect(answer.done_reason).toBe('stop');
    const parsed = JSON.parse(answer.message.content) as Record<string, unknown>;
    expect(Object.keys(parsed)).toEqual(['colour', 'count', 'words']);
    expect(parsed['colour']).toMatch(/^(red|green)$/);
    expect(parsed['words']).toHaveLength(2);
  });

  test('gives the same text for the same seed', async () => {
    const ask = (seed: number) =>
      ollama.generate({ model, prompt: 'Write a sentence.', options: { temperature: 1, seed, num_predict: 16 } });
    expect((await ask(5)).response).toBe((await ask(5)).response);
  });

  test('stops the generation when it aborts', async () => {
    const stream = await ollama.chat({ model, stream: true, messages: [user('Tell a very long story.')] });
    const read = async () => {
      for await (const piece of stream) if (piece.message.content !== '') stream.abort();
    };
    await expect(read()).rejects.toMatchObject({ name: 'AbortError' });
    await isIdle();
  });

  test('lists, shows, and tells what runs and which version', async () => {
    const { models } = await ollama.list();
    expect(models[0]).toMatchObject({ name: model, details: { format: 'gguf', quantization_level: 'Q4_1' } });
    expect(models[0]?.digest).toMatch(/^[0-9a-f]{64}$/);
    const shown = await ollama.show({ model });
    expect(shown).toMatchObject({ license: 'Apache-2.0', capabilities: ['completion'] });
    const running = await ollama.ps();
    expect(running.models[0]).toMatchObject({ name: model, context_length: 1024 });
    expect((await ollama.version()).version).toMatch(/^\d+\.\d+\.\d+$/);
  });

  test('loads a model by a chat without messages, and frees it', async () => {
    const loaded = await ollama.chat({ model, messages: [] });
    expect(loaded).toMatchObject({ done: true, done_reason: 'load' });
    const freed = await ollama.generate({ model, prompt: '', keep_alive: 0 });
    expect(freed).toMatchObject({ done: true, done_reason: 'unload' });
    expect((await ollama.ps()).models).toEqual([]);
    const again = await ollama.chat({ model, messages: [user('Hi')], options: { num_predict: 3 } });
    expect(again.load_duration).toBeGreaterThan(0);
  });

  test('is told about a model that is not there, and that cannot be pulled', async () => {
    await expect(ollama.chat({ model: 'llama3.2:3b', messages: [user('Hi')] })).rejects.toMatchObject({
      status_code: 404,
      error: "model 'llama3.2:3b' not found",
    });
    const pull = Array.fromAsync(await ollama.pull({ model: 'llama3.2:3b', stream: true }));
    await expect(pull).rejects.toThrow('pull model manifest: file does not exist');
  });

  test('pulls a model that is here already', async () => {
    const lines = await Array.fromAsync(await ollama.pull({ model, stream: true }));
    expect(lines.map((line) => line.status)).toEqual(['pulling manifest', 'writing manifest', 'success']);
  });

  test.each([
    ['tools', { tools: [{ type: 'function', function: { name: 'f' } }] }, 'smollm2:135m does not support tools'],
    ['thinking', { think: true }, '"smollm2:135m" does not support thinking'],
    ['an option of a wrong type', { options: { num_ctx: 'x' } }, 'option "num_ctx" must be of type integer'],
  ])('is refused %s', async (_name, extra, text) => {
    const request: ChatRequest & { stream: false } = {
      model,
      messages: [user('Hi')],
      stream: false,
      ...(extra as object),
    };
    const asked = ollama.chat(request);
    await expect(asked).rejects.toMatchObject({ status_code: 400, error: text });
  });
});

describe('the official OpenAI client', () => {
  test('completes a chat', async () => {
    const answer = await openai.chat.completions.create({ model, messages: [user('Hello')], max_tokens: 12, seed: 1 });
    expect(answer.object).toBe('chat.completion');
    expect(answer.choices[0]?.message.content?.length).toBeGreaterThan(0);
    expect(answer.usage?.total_tokens).toBe(
      (answer.usage?.prompt_tokens ?? 0) + (answer.usage?.completion_tokens ?? 0),
    );
  });

  test('streams with usage', async () => {
    const stream = await openai.chat.completions.create({
      model,
      stream: true,
      stream_options: { include_usage: true },
      messages: [{ role: 'developer', content: 'Be brief.' }, user('Hello')],
      max_tokens: 12,
    });
    const chunks = await Array.fromAsync(stream);
    expect(chunks[0]?.choices[0]?.delta.role).toBe('assistant');
    expect(chunks.at(-2)?.choices[0]?.finish_reason).toMatch(/^(stop|length)$/);
    expect(chunks.at(-1)?.usage?.completion_tokens).toBeGreaterThan(0);
  });

  test('gets JSON of the schema that it asks for', async () => {
    const schema = {
      type: 'object',
      properties: { ok: { type: 'boolean' } },
      required: ['ok'],
      additionalProperties: false,
    };
    const answer = await openai.chat.completions.create({
      model,
      messages: [user('Is water wet?')],
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toEqual({ ok: expect.any(Boolean) });
  });

  test('lists and retrieves models, and is told about an unknown one', async () => {
    expect((await Array.fromAsync(openai.models.list())).map(({ id }) => id)).toContain(model);
    expect(await openai.models.retrieve(model)).toMatchObject({ id: model, owned_by: 'library' });
    await expect(openai.chat.completions.create({ model: 'nothing', messages: [user('Hi')] })).rejects.toMatchObject({
      status: 404,
      type: 'not_found_error',
    });
    await expect(openai.chat.completions.create({ model, messages: [] })).rejects.toMatchObject({ status: 400 });
  });
});

describe('the wire', () => {
  test('answers as Ollama does at the root', async () => {
    expect(await (await fetch(service.url)).text()).toBe('Ollama is running');
    expect((await fetch(service.url, { method: 'HEAD' })).status).toBe(200);
  });

  test('names the instance', async () => {
    expect(await (await fetch(`${service.url}/api/version`)).json()).toMatchObject({
      bigbox: { instance: 'conformance' },
    });
  });

  test.each([
    ['no body', '/api/chat', undefined, 400, { error: 'missing request body' }],
    ['bad JSON', '/api/chat', 'x', 400, { error: "invalid character 'x' looking for beginning of value" }],
    ['cut JSON', '/api/chat', '{"model":"a"', 400, { error: expect.any(String) as unknown }],
    ['no model in chat', '/api/chat', '{}', 400, { error: 'model is required' }],
    ['no model in generate', '/api/generate', '{}', 404, { error: "model '' not found" }],
    ['a name that can be none', '/api/show', '{"model":"a b"}', 400, { error: 'invalid model name' }],
    [
      'raw with a system text',
      '/api/generate',
      JSON.stringify({ model, prompt: 'a', raw: true, system: 'b' }),
      400,
      { error: 'raw mode does not support template, system, or context' },
    ],
    [
      'a schema that no grammar can follow',
      '/api/chat',
      JSON.stringify({ model, messages: [user('a')], format: { allOf: [{}] } }),
      400,
      { error: 'invalid JSON schema in format: the root has allOf, which a grammar cannot express' },
    ],
    ['a path that does not exist', '/api/nothing', '{}', 404, { error: expect.any(String) as unknown }],
    [
      'a wrong type in /v1',
      '/v1/chat/completions',
      '{"model":1}',
      400,
      { error: { message: expect.any(String) as unknown, type: 'invalid_request_error', param: null, code: null } },
    ],
  ])('refuses %s', async (...[, path, body, status, expected]) => {
    expect(await post(path, body)).toEqual({ status, body: expected });
  });

  test('refuses a prompt that does not fit', async () => {
    const { status, body } = await post('/api/generate', JSON.stringify({ model, prompt: 'word '.repeat(2000) }));
    expect(status).toBe(400);
    expect(body).toMatchObject({
      error: expect.stringMatching(/^the input length exceeds the context length/) as unknown,
    });
  });

  test('refuses a rebound host name, a page of another origin, and a form', async () => {
    expect(await getWithHost('/api/tags', 'evil.example')).toBe(403);
    expect((await post('/api/chat', '{}', { origin: 'https://evil.example' })).status).toBe(403);
    expect((await post('/api/chat', 'model=a', { 'content-type': 'application/x-www-form-urlencoded' })).status).toBe(
      415,
    );
  });

  test('refuses more calls than may wait, in the words of Ollama', async () => {
    const controller = new AbortController();
    const body = JSON.stringify({ model, messages: [user('Tell a very long story.')] });
    const start = () =>
      fetch(`${service.url}/api/chat`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
        signal: controller.signal,
      });
    const running = await Promise.all([start(), start()]);
    const waiting = [start(), start()].map((call) => call.catch(() => undefined));
    await vi.waitFor(() => expect(service.state().waiting).toBe(2));
    expect(await post('/api/chat', body)).toEqual({
      status: 503,
      body: { error: 'server busy, please try again.  maximum pending requests exceeded' },
    });
    controller.abort();
    await Promise.allSettled([...waiting, ...running.map((response) => response.text())]);
    await isIdle();
  });

  test('gives the cores away for a time and takes them back', async () => {
    expect(await post('/bigbox/yield', '{"holder":"vm","milliseconds":60000}')).toEqual({
      status: 200,
      body: { threads: 1 },
    });
    expect(service.state().leases).toMatchObject([{ holder: 'vm' }]);
    await post('/bigbox/yield', '{"holder":"vm","milliseconds":0}');
    expect(service.state().leases).toEqual([]);
  });
});

describe('a crash of llama.cpp', () => {
  test('costs the call in flight and no other', async () => {
    const stream = await ollama.chat({ model, stream: true, messages: [user('Tell a very long story.')] });
    const pid = service.workerPid();
    const read = async () => {
      for await (const piece of stream) if (piece.message.content !== '' && pid !== undefined) kill(pid, 'SIGKILL');
    };
    await expect(read()).rejects.toThrow(/was ended by SIGKILL/);
    expect((await fetch(`${service.url}/api/version`)).status).toBe(200);
    const next = await ollama.chat({ model, messages: [user('Hi')], options: { num_predict: 3 } });
    expect(next.done).toBe(true);
    expect(service.workerPid()).not.toBe(pid);
  });

  test('before the first piece is answered with 500', async () => {
    const call = post('/api/generate', JSON.stringify({ model, prompt: 'word '.repeat(900), stream: false }));
    await vi.waitFor(() => expect(service.state().active).toBe(1));
    const pid = service.workerPid();
    if (pid !== undefined) kill(pid, 'SIGKILL');
    expect(await call).toMatchObject({ status: 500, body: { error: expect.any(String) as unknown } });
  });
});
