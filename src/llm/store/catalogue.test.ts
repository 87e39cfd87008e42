import { describe, expect, test } from 'vitest';
import { catalogue, findModel, getModel } from './catalogue.ts';
import { chooseDefaultModel } from './default-model.ts';

const gigabyte = 1e9;

describe('the catalogue', () => {
  test('gives every name and alias to one model only', () => {
    const names = catalogue.flatMap((model) => [model.name, ...model.aliases]).map((name) => name.toLowerCase());
    expect(new Set(names).size).toBe(names.length);
  });

  test('finds a model as people type it', () => {
    expect(findModel('Qwen2.5-Coder:0.5b')?.parameters).toBe('0.5B');
    expect(findModel('qwen2.5-coder:latest')?.name).toBe('qwen2.5-coder:1.5b');
    expect(findModel('llama3.2:3b')).toBeUndefined();
  });

  test('names what there is when a model is unknown', () => {
    expect(() => getModel('llama3.2:3b')).toThrow(/no model 'llama3\.2:3b', expected one of qwen2\.5-coder:1\.5b/);
  });
});

describe('chooseDefaultModel()', () => {
  test.each([
    ['a large machine', 16, 12, 'qwen2.5-coder:1.5b'],
    ['exactly 6 GB free', 8, 6, 'qwen2.5-coder:1.5b'],
    ['a busy machine', 16, 5, 'qwen2.5-coder:0.5b'],
    ['a machine that is too small for any', 1, 0.5, 'qwen2.5-coder:0.5b'],
  ])('%s gets %s of %s GB: %s', (...[, total, free, expected]) => {
    const chosen = chooseDefaultModel({ totalMemoryBytes: total * gigabyte, freeMemoryBytes: free * gigabyte });
    expect(chosen.name).toBe(expected);
  });
});
