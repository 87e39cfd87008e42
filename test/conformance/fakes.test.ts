import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { Ollama } from 'ollama';
import OpenAI, { NotFoundError } from 'openai';
import { afterEach, describe, expect, test } from 'vitest';
import { type FakeOllama, type FakeOllamaOptions, startFakeOllama } from '../fixtures/fake-ollama/index.ts';
import { startFakeOpenAi } from '../fixtures/fake-openai/index.ts';

/** The fakes are proved against the official clients: what these read without complaint is the protocol. */
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close();
});
async function start(options: FakeOllamaOptions = {}): Promise<{ fake: FakeOllama; client: Ollama; openai: OpenAI }> {
  const fake = await startFakeOllama({ models: ['fake:latest'], ...options });
  open.push(fake);
  const openai = new OpenAI({ baseURL: `${fake.url}/v1`, apiKey: 'none', maxRetries: 0 });
  return { fake, client: new Ollama({ host: fake.url }), openai };
}
const messages = [{ role: 'user' as const, content: 'Topic: bridges' }];
const schema = {
  type: 'object',
  properties: { verdict: { enum: ['yes', 'no'] }, points: { type: 'array', minItems: 2, items: { type: 'string' } } },
};

describe('the fake Ollama and the official client', () => {
  test('agree on version, list, ps and show', async () => {
    const { client } = await start();
    expect((await client.version()).version).toBe('0.33.0');
    expect((await client.list()).models[0]).toMatchObject({ name: 'fake:latest', details: { family: 'qwen2' } });
    expect((await client.ps()).models[0]?.name).toBe('fake:latest');
    expect((await client.show({ model: 'fake' })).capabilities).toContain('completion');
  });

  test('agree on chat and generate, streamed and whole', async () => {
    const { client } = await start();
    const chunks = await Array.fromAsync(await client.chat({ model: 'fake', messages, stream: true }));
    const whole = await client.chat({ model: 'fake', messages });
    expect(chunks.map((chunk) => chunk.message.content).join('')).toBe(whole.message.content);
    expect(chunks.at(-1)).toMatchObject({ done: true, done_reason: 'stop', eval_count: chunks.length - 1 });
    const parts = await Array.fromAsync(
      await client.generate({ model: 'fake', prompt: 'Topic: bridges', stream: true }),
    );
    expect(parts.map((part) => part.response).join('')).toBe(whole.message.content);
  });

  test('agree on a schema, whose answer is about the topic', async () => {
    const { client } = await start();
    const answer = await client.chat({ model: 'fake', messages, format: schema });
    const parsed = JSON.parse(answer.message.content) as { verdict: string; points: string[] };
    expect(parsed.verdict).toMatch(/^(yes|no)$/);
    expect(parsed.points.length).toBeGreaterThanOrEqual(2);
    expect(answer.message.content.toLowerCase()).toContain('bridges');
    const other = await client.chat({
      model: 'fake',
      messages: [{ role: 'user', content: 'Topic: bread' }],
      format: schema,
    });
    expect(other.message.content).not.toBe(answer.message.content);
  });

  test('agree on pull, and on what it says about a model that does not exist', async () => {
    const { client } = await start({ pullable: ['small:1b'] });
    const lines = await Array.fromAsync(await client.pull({ model: 'small:1b', stream: true }));
    expect(lines.at(-1)?.status).toBe('success');
    expect((await client.list()).models).toHaveLength(2);
    await expect(Array.fromAsync(await client.pull({ model: 'none', stream: true }))).rejects.toThrow('does not exist');
  });

  test('agree on errors before the first chunk', async () => {
    const { client, fake } = await start();
    await expect(client.chat({ model: 'none', messages })).rejects.toMatchObject({
      status_code: 404,
      message: "model 'none' not found",
    });
    fake.journal.addFault({ kind: 'queue-full' });
    await expect(client.chat({ model: 'fake', messages })).rejects.toMatchObject({ status_code: 503 });
  });

  test('agree on an error in the middle and on a stream that merely ends', async () => {
    const { client, fake } = await start({ script: () => ['a', 'b', 'c', 'd'] });
    fake.journal.addFault({ kind: 'error-in-stream' });
    await expect(Array.fromAsync(await client.chat({ model: 'fake', messages, stream: true }))).rejects.toThrow(
      'llama runner process has terminated',
    );
    fake.journal.addFault({ kind: 'end-without-done' });
    await expect(Array.fromAsync(await client.chat({ model: 'fake', messages, stream: true }))).rejects.toThrow();
  });

  test('agree on lines and characters cut over packets, thinking and tool calls', async () => {
    const { client, fake } = await start({ script: () => ['Zür', 'ich 😀'] });
    for (const kind of ['split-line', 'split-character', 'thinking', 'tool-call'] as const)
      fake.journal.addFault({ kind });
    const chunks = await Array.fromAsync(await client.chat({ model: 'fake', messages, stream: true }));
    expect(chunks.map((chunk) => chunk.message.content).join('')).toBe('Zürich 😀');
    expect(chunks.some((chunk) => chunk.message.thinking === 'Let me see.')).toBe(true);
    expect(chunks.flatMap((chunk) => chunk.message.tool_calls ?? [])[0]?.function.name).toBe('look_up');
  });

  test('agree that an abort ends the call', async () => {
    const { client, fake } = await start({ script: () => ['a', 'b'] });
    const hold = fake.journal.hold('', 1);
    const stream = await client.chat({ model: 'fake', messages, stream: true });
    const reading = Array.fromAsync(stream);
    const call = await hold.entered;
    stream.abort();
    await expect(reading).rejects.toThrow();
    await expect.poll(() => call.outcome).toBe('abandoned');
    hold.release();
  });
});

describe('the OpenAI layer and the official client', () => {
  test('agree on models, completions and usage, streamed and whole', async () => {
    const { openai } = await start();
    expect((await openai.models.list()).data.map((model) => model.id)).toEqual(['fake:latest']);
    const whole = await openai.chat.completions.create({ model: 'fake', messages });
    const stream = await openai.chat.completions.create({
      model: 'fake',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    const chunks = await Array.fromAsync(stream);
    const text = chunks.map((chunk) => chunk.choices[0]?.delta.content ?? '').join('');
    expect(text).toBe(whole.choices[0]?.message.content);
    expect(chunks.at(-1)?.usage?.total_tokens).toBe(whole.usage?.total_tokens);
  });

  test('agree on a schema and on errors', async () => {
    const { openai } = await start();
    const answer = await openai.chat.completions.create({
      model: 'fake',
      messages,
      response_format: { type: 'json_schema', json_schema: { name: 'answer', schema } },
    });
    expect(JSON.parse(answer.choices[0]?.message.content ?? '')).toHaveProperty('verdict');
    await expect(openai.chat.completions.create({ model: 'none', messages })).rejects.toBeInstanceOf(NotFoundError);
    await expect(openai.chat.completions.create({ model: 'fake', messages: [] })).rejects.toMatchObject({
      status: 400,
    });
  });

  test('refuse a wrong key', async () => {
    const fake = await startFakeOpenAi({ apiKey: 'right' });
    open.push(fake);
    const client = (apiKey: string): OpenAI => new OpenAI({ baseURL: `${fake.url}/v1`, apiKey, maxRetries: 0 });
    await expect(client('wrong').models.list()).rejects.toMatchObject({ status: 401 });
    expect((await client('right').models.list()).data).toHaveLength(1);
  });
});

describe('the journal', () => {
  test('counts repeats of answered calls only', async () => {
    const { client, fake } = await start();
    fake.journal.addFault({ kind: 'server-error' });
    await expect(client.chat({ model: 'fake', messages })).rejects.toThrow();
    await client.chat({ model: 'fake', messages });
    expect(fake.journal.repeats()).toEqual([]);
    await client.chat({ model: 'fake', messages });
    expect(fake.journal.repeats()).toMatchObject([{ times: 1 }]);
    expect(fake.journal.count('bridges')).toBe(3);
  });
});

describe('the fake as its own process', () => {
  test('prints its address, holds a call until released, and tells what it was asked', async () => {
    const child = spawn(process.execPath, ['test/fixtures/fake-ollama/main.ts', '--port', '0'], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    try {
      const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
      const post = (path: string, body: unknown): Promise<Response> =>
        fetch(`${url}/__fake/${path}`, { method: 'POST', body: JSON.stringify(body) });
      const held = post('hold', { matching: 'bridges', after_tokens: 2 });
      const client = new Ollama({ host: url });
      const answer = client.chat({ model: 'fake', messages });
      expect(await (await held).json()).toMatchObject({ outcome: 'running' });
      await post('release', {});
      expect((await answer).message.content).not.toBe('');
      expect(await (await fetch(`${url}/__fake/repeats`)).json()).toEqual({ repeats: [] });
    } finally {
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
  });
});
