import { describe, expect, test } from 'vitest';
import { parseVersion, refusalOf } from './versions.ts';

describe('parseVersion()', () => {
  test.each([
    ['Firecracker v1.15.1\n\nSupported snapshot data format versions: ...', '1.15.1'],
    ['Jailer v1.12.1', '1.12.1'],
    ['something else', undefined],
  ])('reads %j', (output, version) => {
    expect(parseVersion(output)).toBe(version);
  });
});

describe('refusalOf()', () => {
  test.each(['1.15.1', '1.15.2', '1.16.2', '2.0.0'])('lets %s pass', (version) => {
    expect(refusalOf(version, [])).toBeUndefined();
  });

  test.each([
    ['1.15.0', 'older than 1.15.1'],
    ['1.14.9', 'older than 1.15.1'],
    ['0.99.99', 'older than 1.15.1'],
    ['1.16.0', 'entropy device'],
    ['1.16.1', 'hears nothing'],
  ])('refuses %s with the reason, unless it is allowed by name', (version, reason) => {
    expect(refusalOf(version, ['9.9.9'])).toContain(reason);
    expect(refusalOf(version, [version])).toBeUndefined();
  });
});
