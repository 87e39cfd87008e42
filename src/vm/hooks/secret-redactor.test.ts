import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { redacted, SecretRedactor } from './secret-redactor.ts';

const token = `ghp_${'a1B2'.repeat(9)}`;
const privateKey = `-----BEGIN RSA PRIVATE KEY-----\n${'MIIEow\n'.repeat(20)}-----END RSA PRIVATE KEY-----`;

const redact = (parts: readonly string[], values: readonly string[] = []): string => {
  const redactor = new SecretRedactor(values);
  return parts.map((part) => redactor.add(part)).join('') + redactor.end(false);
};

/** Cuts a text at every point of a list. */
const cut = (text: string, points: readonly number[]): readonly string[] => {
  const sorted = [0, ...points.map((point) => point % (text.length + 1)).toSorted((a, b) => a - b), text.length];
  return sorted.slice(1).map((end, index) => text.slice(sorted[index], end));
};

describe('SecretRedactor', () => {
  test('takes out keys of known forms, private keys and given values', () => {
    expect(redact([`a ${token} b`])).toBe(`a ${redacted} b`);
    expect(redact([`key:\n${privateKey}\nend`])).toBe(`key:\n${redacted}\nend`);
    expect(redact(['password=correct horse battery'], ['correct horse'])).toBe(`password=${redacted} battery`);
    const jwt = `eyJ${'hbGciOiJ'.repeat(3)}.${'eyJzdWIi'.repeat(3)}.${'sig-natu'.repeat(3)}`;
    expect(redact([`Bearer ${jwt}\n`])).toBe(`Bearer ${redacted}\n`);
  });

  test('leaves honest text as it is, also short values and words that only begin like a key', () => {
    const text = 'sk-learn, npm_config_registry, a task-force, AKIA, eyJ. -----BEGIN CERTIFICATE-----\nMII\n';
    expect(redact([text], ['short'])).toBe(text);
  });

  test('holds back only what may become a secret', () => {
    const redactor = new SecretRedactor(['hunter2hunter2']);
    expect(redactor.add('Progress: 50%')).toBe('Progress: 50%');
    expect(redactor.add(' token ghp_abc')).toBe(' token ');
    expect(redactor.add(' hunter2')).toBe('ghp_abc ');
    expect(redactor.add('!')).toBe('hunter2!');
  });

  test('finds the same however the text is cut', () => {
    const text = `one ${token} two correct horse three\n${privateKey}\nfour ${token}`;
    const whole = redact([text], ['correct horse']);
    expect(whole).toBe(`one ${redacted} two ${redacted} three\n${redacted}\nfour ${redacted}`);
    fc.assert(
      fc.property(fc.array(fc.nat(), { maxLength: 12 }), (points) => {
        expect(redact(cut(text, points), ['correct horse'])).toBe(whole);
      }),
    );
  });

  test('never changes text without secrets, however it is cut', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 200 }), fc.array(fc.nat(), { maxLength: 6 }), (text, points) => {
        expect(redact(cut(text, points))).toBe(text);
      }),
    );
  });

  test('shows nothing of a secret that the limit of the output cut', () => {
    const redactor = new SecretRedactor();
    expect(redactor.add(`see ${token.slice(0, 20)}`) + redactor.end(true)).toBe(`see ${redacted}`);
    expect(redactor.count).toBe(1);
  });

  test('holds no more than a bounded part of a private key without an end', () => {
    const redactor = new SecretRedactor();
    const shown = redactor.add(`-----BEGIN PRIVATE KEY-----\n${'A'.repeat(20_000)}`) + redactor.add(' after');
    expect(shown).toBe(`${redacted} after`);
  });

  test.each(['a', 'eyJ-', '-----BEGIN ', 'ghp_', 'correct hors'])(
    'costs no more than the length of %j without end',
    (part) => {
      const redactor = new SecretRedactor(['correct horse']);
      const text = part.repeat(Math.ceil(65_536 / part.length));
      let shown = '';
      for (let round = 0; round < 16; round += 1) shown += redactor.add(text);
      expect(shown + redactor.end(false)).toMatch(/^(.|\n)+$/);
    },
  );
});
