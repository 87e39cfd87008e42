import { afterEach, describe, expect, test } from 'vitest';
import { type FakeOllama, type FakeOllamaOptions, startFakeOllama } from '../../test/fixtures/fake-ollama/index.ts';
import { startFakeOpenAi } from '../../test/fixtures/fake-openai/index.ts';
import { createModelSource } from './source.ts';

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const fake of open.splice(0)) await fake.close();
});
async function start(options: FakeOllamaOptions): Promise<FakeOllama> {
  const fake = await startFakeOllama(options);
  open.push(fake);
  return fake;
}
const owner = { mayNameAddress: true, signal: new AbortController().signal };
const guest = { ...owner, mayNameAddress: false };

describe('resolve()', () => {
  test('gives the configured model where its server has it', async () => {
    const server = await start({ models: ['llama3.2:3b'] });
    const source = createModelSource({
      configured: { provider: 'ollama', name: 'llama3.2:3b', baseUrl: server.url },
      fallback: { baseUrl: 'http://127.0.0.1:9' },
    });
    const resolved = await source.resolve({}, guest);
    expect(resolved.model).toMatchObject({ provider: 'ollama', name: 'llama3.2:3b' });
    expect(resolved.substitutedBecause).toBeUndefined();
  });

  test('pulls the configured model where the server can', async () => {
    const server = await start({ models: [], pullable: ['llama3.2:3b'] });
    const source = createModelSource({
      configured: { name: 'llama3.2:3b', baseUrl: server.url },
      fallback: { baseUrl: server.url },
    });
    expect(await source.resolve({}, guest)).toEqual({
      model: expect.objectContaining({ name: 'llama3.2:3b' }) as unknown,
    });
  });

  test('lets the first model of the machine serve where the pull fails, with the reason, and does not pull again', async () => {
    const server = await start({ models: ['default:1b'] });
    const source = createModelSource({ configured: { name: 'llama3.2:3b' }, fallback: { baseUrl: server.url } });
    const resolved = await source.resolve({}, guest);
    expect(resolved).toMatchObject({ model: { name: 'default:1b' }, requested: 'llama3.2:3b' });
    expect(resolved.substitutedBecause).toContain('file does not exist');
    expect((await source.resolve({}, guest)).substitutedBecause).toBe(resolved.substitutedBecause);
  });

  test('lets the machine serve where the configured server does not answer', async () => {
    const dead = await startFakeOllama();
    await dead.close();
    const server = await start({ models: ['default:1b'] });
    const source = createModelSource({
      configured: { name: 'big', baseUrl: dead.url },
      fallback: { baseUrl: server.url },
    });
    expect(await source.resolve({}, guest)).toMatchObject({
      model: { name: 'default:1b' },
      requested: 'big',
      substitutedBecause: expect.stringContaining('cannot be reached') as string,
    });
  });

  test('never pulls what only a caller asked for', async () => {
    const server = await start({ models: ['default:1b'], pullable: ['huge:70b'] });
    const source = createModelSource({ configured: {}, fallback: { baseUrl: server.url } });
    expect(await source.resolve({ name: 'huge:70b' }, owner)).toMatchObject({
      model: { name: 'default:1b' },
      requested: 'huge:70b',
    });
  });

  test('takes an address that is not configured from the owner only', async () => {
    const server = await start({ models: ['default:1b'] });
    const other = await start({ models: ['theirs'] });
    const source = createModelSource({ configured: {}, fallback: { baseUrl: server.url } });
    const wish = { name: 'theirs', baseUrl: `${other.url}/` };
    await expect(source.resolve(wish, guest)).rejects.toMatchObject({ code: 'MODEL_NOT_ALLOWED' });
    expect(await source.resolve(wish, owner)).toMatchObject({ model: { name: 'theirs' } });
    await expect(source.resolve({ baseUrl: 'file:///etc/passwd' }, owner)).rejects.toMatchObject({
      code: 'MODEL_NOT_ALLOWED',
    });
  });

  test('knows the configured address in another spelling', async () => {
    const server = await start({ models: ['default:1b'] });
    const source = createModelSource({ configured: {}, fallback: { baseUrl: server.url } });
    const wish = { baseUrl: `http://localhost:${server.port}/` };
    expect(await source.resolve(wish, guest)).toMatchObject({ model: { name: 'default:1b' } });
  });

  test('sends the key to the configured address only', async () => {
    const fake = await startFakeOpenAi({ models: ['hosted'], apiKey: 'sk-1' });
    open.push(fake);
    const server = await start({});
    const configured = { provider: 'openai-compatible', name: 'hosted', baseUrl: fake.url };
    const source = createModelSource({
      configured: { ...configured, apiKey: 'sk-1' },
      fallback: { baseUrl: server.url },
    });
    expect(await source.resolve({}, guest)).toMatchObject({ model: { provider: 'openai-compatible', name: 'hosted' } });
    const elsewhere = createModelSource({
      configured: { baseUrl: server.url, apiKey: 'sk-1' },
      fallback: { baseUrl: server.url },
    });
    await expect(elsewhere.resolve({ ...configured }, owner)).rejects.toMatchObject({ code: 'MODEL_FAILED' });
  });

  test('says so where nothing can serve', async () => {
    const server = await start({ models: [] });
    const source = createModelSource({ configured: { name: 'a' }, fallback: { baseUrl: server.url } });
    await expect(source.resolve({}, guest)).rejects.toMatchObject({ code: 'MODEL_UNREACHABLE' });
  });

  test('serves another model for a provider that this version does not speak', async () => {
    const server = await start({ models: ['default:1b'] });
    const source = createModelSource({ configured: {}, fallback: { baseUrl: server.url } });
    expect(await source.resolve({ provider: 'anthropic', name: 'x' }, guest)).toMatchObject({
      requested: 'x',
      substitutedBecause: expect.stringContaining('anthropic') as string,
    });
  });
});
