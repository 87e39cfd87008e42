import { describe, expect, test } from 'vitest';
import { parseMappings } from './private-pages.ts';

const maps = `7f1000000000-7f1000200000 rw-p 00000000 00:01 77  /memfd:bigbox-template (deleted)
7f1000200000-7f1000300000 rw-s 00000000 00:01 77  /memfd:bigbox-template (deleted)
7f0000000000-7f0000100000 rw-p 00200000 00:01 77  /memfd:bigbox-template (deleted)
7f2000000000-7f2000100000 r--p 00000000 08:01 78  /usr/lib/x.so
7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0   [stack]
`;

describe('parseMappings()', () => {
  test('finds the private mappings of one file, in the order of the file', () => {
    expect(parseMappings(maps, 77)).toEqual([
      { start: 0x7f1000000000, end: 0x7f1000200000, offset: 0 },
      { start: 0x7f0000000000, end: 0x7f0000100000, offset: 0x200000 },
    ]);
    expect(parseMappings(maps, 5)).toEqual([]);
  });
});
