import { execFileSync } from 'node:child_process';
import { describe, expect, test } from 'vitest';
import type { Catalog } from '../../shared/api.ts';
import { toAsk, toCurl, toRequest } from './ask.ts';

const perspective = (id: string, selected_by_default: boolean) => ({
  id,
  name: id,
  focus: '',
  description: '',
  strengths: [],
  approach: '',
  role: '',
  color: 'blue' as const,
  selected_by_default,
});
const catalog: Catalog = {
  workflows: [],
  perspectives: [perspective('analytical', true), perspective('critical', false)],
  domains: [{ id: 'technical', name: 'Technical', focus: '', selected_by_default: true }],
};

describe('toAsk()', () => {
  test('chooses what the catalogue proposes', () => {
    expect(toAsk(catalog, {})).toEqual({
      topic: '',
      perspectives: ['analytical'],
      domains: ['technical'],
      model: '',
      role: '',
    });
  });

  test('follows the address and leaves unknown names out', () => {
    expect(toAsk(catalog, { topic: 'Tides', perspectives: 'critical,nobody', domains: '' })).toMatchObject({
      topic: 'Tides',
      perspectives: ['critical'],
      domains: [],
    });
  });
});

describe('toRequest()', () => {
  test('leaves empty fields out', () => {
    expect(toRequest({ topic: ' Tides ', perspectives: ['critical'], domains: [], model: ' ', role: '' })).toEqual({
      prompt: 'Tides',
      perspectives: ['critical'],
      domains: [],
    });
  });
});

describe('toCurl()', () => {
  test('survives the shell, also with quotes in the topic', () => {
    const request = { prompt: `It's "here" $HOME`, perspectives: ['critical'] };
    const command = toCurl(request, 'http://127.0.0.1:3000').replace('$(bigbox key create)', 'key');
    const words = execFileSync('sh', ['-c', `curl() { for word; do printf '%s\\0' "$word"; done; }; ${command}`], {
      encoding: 'utf8',
    }).split('\0');
    expect(JSON.parse(words.at(-2) ?? '')).toEqual(request);
  });
});
