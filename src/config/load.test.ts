import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { BigboxError } from '../contracts/errors.ts';
import { loadConfiguration } from './load.ts';
import { notBuilt } from './not-built.ts';
import { redactSecrets } from './redact.ts';

const fixtures = join(import.meta.dirname, '../../test/fixtures/config');
const seed = join(fixtures, 'bigbox_config.json');
let directory: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'bigbox-config-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

function load(content: unknown, options: Partial<Parameters<typeof loadConfiguration>[0]> = {}) {
  const file = join(directory, 'config.json');
  writeFileSync(file, typeof content === 'string' ? content : JSON.stringify(content));
  return loadConfiguration({ file, environment: { HOME: '/home/alex' }, ...options });
}

function failure(run: () => unknown): BigboxError {
  try {
    run();
  } catch (error) {
    if (error instanceof BigboxError) return error;
    throw error;
  }
  throw new Error('expected a refusal');
}

describe('loadConfiguration()', () => {
  test('works without a file: the built-in role, code allowed, the built-in model', () => {
    const configuration = loadConfiguration({ environment: { HOME: '/home/alex' } });
    expect(configuration).toMatchObject({
      port: 3000,
      vmPort: 8080,
      modelPort: 11_434,
      dataDir: '/home/alex/.local/share/bigbox',
      cacheDir: '/home/alex/.cache/bigbox',
      execution: { enabled: true, pool: { least: 2 }, languages: ['python', 'javascript', 'bash'] },
      model: { provider: 'ollama' },
      warnings: [],
    });
  });

  test("loads the seed's bare role as it is and says which keys have no effect yet", () => {
    const configuration = loadConfiguration({ file: seed, environment: {} });
    expect(configuration.role.name).toBe('Bigbox Multi-Agent System');
    expect(configuration.model).toEqual({ provider: 'ollama', name: 'llama3.2:3b', baseUrl: 'http://127.0.0.1:11434' });
    expect(configuration.execution).toMatchObject({
      enabled: true,
      pool: { least: 5 },
      vmType: 'ubuntu-focal',
      timeoutMs: 60_000,
      maxCodeLength: 10_000,
    });
    expect(configuration.vmUrl).toBe('http://127.0.0.1:8080');
    expect(configuration.warnings.join(' ')).toMatch(
      /relevance_function.*terraphim_it.*theme.*kg.*haystacks.*llm_auto_summarize.*rust.*history/,
    );
  });

  test('loads a full configuration: upstream role-level keys, vm_execution: true, the selected role in any case', () => {
    const configuration = loadConfiguration({ file: join(fixtures, 'upstream_full.json'), environment: {} });
    expect(configuration.role.name).toBe('Llama Rust Engineer');
    expect(configuration.model).toMatchObject({
      name: 'llama3.2:3b',
      baseUrl: 'http://127.0.0.1:11434',
      temperature: 0.2,
    });
    expect(configuration.execution).toMatchObject({ enabled: true, pool: { least: 1 } });
    expect(configuration.warnings.join(' ')).toContain('extra.favourite_color is kept');
  });

  test('merges a nested extra.extra, as upstream writes it back', () => {
    const configuration = load({ name: 'A', extra: { extra: { llm_model: 'm', vm_execution: { enabled: true } } } });
    expect(configuration.model.name).toBe('m');
    expect(configuration.execution.enabled).toBe(true);
  });

  test('takes flags before the environment before the file before defaults', () => {
    const content = { name: 'A', bigbox: { port: 1000, vm_port: 1001, model_port: 1002 } };
    const environment = {
      BIGBOX_PORT: '2000',
      BIGBOX_VM_PORT: '2001',
      BIGBOX_DATA_DIR: '/data',
      TERRAPHIM_DATA_DIR: '/old',
      RUST_LOG: 'hyper=warn,debug',
    };
    const configuration = load(content, { environment, flags: { port: 3001 } });
    expect(configuration).toMatchObject({
      port: 3001,
      vmPort: 2001,
      modelPort: 1002,
      dataDir: '/data',
      logLevel: 'debug',
    });
  });

  test('lets a given VM port win over api_base_url of the file, and llm_base_url over the model port', () => {
    const content = {
      name: 'A',
      extra: { llm_base_url: 'http://localhost:9999/', vm_execution: { api_base_url: 'http://127.0.0.1:8081' } },
    };
    expect(load(content, { flags: { model_port: 5 } })).toMatchObject({
      vmUrl: 'http://127.0.0.1:8081',
      vmPort: 8081,
      modelPort: 9999,
    });
    expect(load(content, { flags: { vm_port: 9000 } })).toMatchObject({ vmUrl: 'http://127.0.0.1:9000', vmPort: 9000 });
  });

  test.each([
    [{ name: 'A', relevance_functoin: 'bm25' }, 'relevance_functoin is not a key of Bigbox'],
    [{ name: 'A', relevance_function: 'bm26' }, 'relevance_function is "bm26", expected one of'],
    [
      { name: 'A', haystacks: [{ location: '/x', service: 'Rigprep' }] },
      'haystacks.0.service is "Rigprep", expected one of',
    ],
    [
      { name: 'A', extra: { vm_execution: { vm_pool_size: '5' } } },
      'extra.vm_execution.vm_pool_size is "5", expected number',
    ],
    [{ roles: { A: { name: 'A', theme: 3 } } }, 'roles.A.theme is 3, expected string'],
    [{ roles: { A: { name: 'A' } }, selected_role: 'B' }, 'selected_role is "B", expected one of the roles A'],
    [{ roles: {} }, 'expected at least one role'],
    [{ name: 'A', bigbox: { prot: 1 } }, 'bigbox.prot is not a key of Bigbox'],
    [[1], 'expected'],
  ])('refuses %j and says: %s', (content, sentence) => {
    const error = failure(() => load(content));
    expect(error.code).toBe('CONFIG_INVALID');
    expect(error.message).toContain(sentence);
    expect(error.message).toContain(join(directory, 'config.json'));
  });

  test('names the variable or the flag that holds the wrong value', () => {
    expect(failure(() => load({ name: 'A' }, { environment: { BIGBOX_PORT: 'x' } })).message).toContain(
      'BIGBOX_PORT: port is "x", expected number',
    );
    expect(failure(() => load({ name: 'A' }, { flags: { vm_port: 70_000 } })).message).toContain(
      '--vm-port: vm_port is 70000',
    );
  });

  test('does not repeat a secret in a message', () => {
    expect(failure(() => load({ name: 'A', llm_api_key: 5 })).message).not.toContain('5,');
  });

  test.each([
    ['{ "name": ', 'not valid JSON'],
    [undefined, 'Cannot read'],
  ])('says that a file is unreadable: %s', (content, sentence) => {
    const run =
      content === undefined
        ? () => loadConfiguration({ file: join(directory, 'absent.json'), environment: {} })
        : () => load(content);
    expect(failure(run)).toMatchObject({
      code: 'CONFIG_UNREADABLE',
      message: expect.stringContaining(sentence) as string,
    });
  });
});

test('the list of keys without effect only shrinks', () => {
  const before = [
    'relevance_function',
    'terraphim_it',
    'theme',
    'kg',
    'haystacks',
    'llm_auto_summarize',
    'llm_chat_enabled',
    'llm_chat_model',
    'llm_chat_system_prompt',
    'llm_router_enabled',
    'extra.goals',
    'extra.capabilities',
    'extra.vm_execution.allowed_languages: rust',
    'extra.vm_execution.history',
    'extra.vm_execution.security_settings.resource_limits',
  ];
  expect(before).toEqual(expect.arrayContaining(notBuilt.map((entry) => entry.path)));
  expect(notBuilt.length).toBeLessThanOrEqual(before.length);
});

test('redactSecrets() hides every secret and leaves the rest', () => {
  const shown = redactSecrets({
    llm_api_key: 'k',
    haystacks: [{ atomic_server_secret: 's', location: 'l' }],
    empty_token: '',
  });
  expect(shown).toEqual({
    llm_api_key: '[redacted]',
    haystacks: [{ atomic_server_secret: '[redacted]', location: 'l' }],
    empty_token: '',
  });
});
