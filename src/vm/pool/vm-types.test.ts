import { describe, expect, test } from 'vitest';
import { resolveType, templateName, typeAliases } from './vm-types.ts';

describe('resolveType()', () => {
  test.each([...typeAliases, templateName, ' Ubuntu-Focal '])('gives the real name of %j', (name) => {
    expect(resolveType(name)).toBe(templateName);
  });

  test('refuses other names and says which there are', () => {
    expect(() => resolveType('windows')).toThrow(
      expect.objectContaining({ code: 'VM_TEMPLATE_UNKNOWN', message: expect.stringContaining('ubuntu-focal') }),
    );
  });
});
