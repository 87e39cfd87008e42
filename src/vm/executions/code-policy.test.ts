import { describe, expect, test } from 'vitest';
import { checkCode, type CodePolicy } from './code-policy.ts';

const policy: CodePolicy = { allowedLanguages: ['python', 'bash'], maxCodeLength: 20, validateCode: true };
const codeOf = (action: () => unknown): string | undefined => {
  try {
    action();
    return undefined;
  } catch (error) {
    return (error as { code?: string }).code;
  }
};

describe('checkCode()', () => {
  test('gives the language behind an alias', () => {
    expect(checkCode(policy, 'PY', 'print(1)')).toBe('python');
    expect(checkCode(policy, 'sh', 'true')).toBe('bash');
  });

  test('refuses languages that are unknown or turned off', () => {
    expect(codeOf(() => checkCode(policy, 'cobol', 'x'))).toBe('LANGUAGE_NOT_ALLOWED');
    expect(codeOf(() => checkCode(policy, 'node', 'x'))).toBe('LANGUAGE_NOT_ALLOWED');
  });

  test('refuses code beyond the limit and takes code at the limit', () => {
    expect(checkCode(policy, 'bash', 'x'.repeat(20))).toBe('bash');
    expect(codeOf(() => checkCode(policy, 'bash', 'x'.repeat(21)))).toBe('CODE_TOO_LONG');
  });

  test.each([
    ['a NUL character', 'a\0b'],
    ['white space only', ' \n\t'],
    ['half a surrogate pair', 'x = "\ud800"'],
  ])('refuses %s', (_what, code) => {
    expect(codeOf(() => checkCode(policy, 'python', code))).toBe('CODE_INVALID');
    expect(checkCode({ ...policy, validateCode: false }, 'python', code)).toBe('python');
  });

  test.each(['eval("1")', 'rm -rf /tmp/x', 'import subprocess', 'require("fs")'])('takes honest code: %s', (code) => {
    expect(checkCode(policy, 'python', code)).toBe('python');
  });
});
