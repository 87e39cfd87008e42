import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { acceptRequest, hashOf, toModelWish } from './accept.ts';
import { loadCatalog } from './catalog.ts';

const catalog = loadCatalog();
const allowed = catalog.perspectives.map((perspective) => perspective.id);

describe('acceptRequest()', () => {
  test('fills in three perspectives, domains and the roles that old clients leave out', () => {
    const accepted = acceptRequest({ prompt: 'Trees', role: '' }, catalog);
    expect(accepted.perspectives).toEqual(['analytical', 'creative', 'practical']);
    expect(accepted.domains.length).toBeGreaterThan(0);
    expect(accepted).toMatchObject({ role: 'Multi-Agent Analyst', overall_role: 'Multi-Agent Analyst' });
  });

  test('takes ids and names in any case, each once, in the order of the request', () => {
    const perspectives = ['Critical', 'analytical', 'CRITICAL', 'user-centered'];
    const accepted = acceptRequest({ prompt: 'Trees', perspectives, domains: ['Technical'] }, catalog);
    expect(accepted.perspectives).toEqual(['critical', 'analytical', 'user_centered']);
    expect(accepted.domains).toEqual(['technical']);
  });

  test('takes any role', () => {
    const role = 'A role that no configuration has';
    expect(acceptRequest({ prompt: 'Trees', role }, catalog).role).toBe(role);
  });

  test('names what exists when a perspective or domain does not', () => {
    expect(() => acceptRequest({ prompt: 'Trees', perspectives: ['psychic'] }, catalog)).toThrow(
      expect.objectContaining({ code: 'PERSPECTIVE_UNKNOWN', context: { name: 'psychic', allowed } }),
    );
    expect(() => acceptRequest({ prompt: 'Trees', domains: ['psychic'] }, catalog)).toThrow(
      expect.objectContaining({ code: 'DOMAIN_UNKNOWN' }),
    );
  });
});

describe('toModelWish()', () => {
  test('prefers the short form', () => {
    const request = { prompt: 'Trees', model: 'a', llm_config: { llm_model: 'b', llm_base_url: 'http://127.0.0.1:1' } };
    expect(toModelWish(request)).toEqual({ name: 'a', baseUrl: 'http://127.0.0.1:1' });
    expect(toModelWish({ prompt: 'Trees', llm_config: null })).toEqual({});
  });
});

describe('hashOf()', () => {
  test('is the same for objects whose keys come in another order, and only for equal ones', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const reversed = Object.fromEntries(Object.entries(value).toReversed());
        expect(hashOf(reversed)).toBe(hashOf(value));
        expect(hashOf({ value })).not.toBe(hashOf({ value, more: 1 }));
      }),
    );
  });
});
