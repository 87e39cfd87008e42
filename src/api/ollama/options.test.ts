import { describe, expect, test } from 'vitest';
import { toSampling } from './options.ts';

describe('toSampling()', () => {
  test("has Ollama's defaults", () => {
    expect(toSampling(undefined)).toEqual({
      maxTokens: -1,
      temperature: 0.8,
      topK: 40,
      topP: 0.9,
      minP: 0,
      repeatPenalty: 1,
      repeatLastTokens: 64,
      presencePenalty: 0,
      frequencyPenalty: 0,
      stop: [],
    });
  });

  test('takes what is asked for and ignores what it does not know', () => {
    expect(toSampling({ num_predict: 7, seed: 3, temperature: 0, stop: ['END', ''], mirostat: 2 })).toMatchObject({
      maxTokens: 7,
      seed: 3,
      temperature: 0,
      stop: ['END'],
    });
  });

  test.each([
    [{ num_ctx: '4096' }, 'option "num_ctx" must be of type integer'],
    [{ num_predict: 1.5 }, 'option "num_predict" must be of type integer'],
    [{ temperature: 'hot' }, 'option "temperature" must be of type float32'],
    [{ stop: 'END' }, 'option "stop" must be of type array'],
  ])('refuses %j', (options, message) => {
    expect(() => toSampling(options)).toThrow(message);
  });
});
