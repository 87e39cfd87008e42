import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  decodePageMap,
  encodePageMap,
  type PageMap,
  type PageRun,
  PageRuns,
  partsOf,
  toPageFileName,
  zeroFile,
} from './page-map.ts';

const pages = 4096;
const files = ['0123456789abcdef', 'ffffffff00000000'].map(toPageFileName);

/** Maps with runs in order, gaps between some of them, and files that exist. */
const anyMap: fc.Arbitrary<PageMap> = fc
  .array(
    fc.record({
      gap: fc.nat(3),
      count: fc.integer({ min: 1, max: 5 }),
      file: fc.constantFrom(0, 1, zeroFile),
      slot: fc.nat(9),
    }),
    { maxLength: 50 },
  )
  .map((parts) => {
    let page = 0;
    const runs = parts.map(({ gap, count, file, slot }): PageRun => {
      const run = { page: page + gap, count, file, slot: file === zeroFile ? 0 : slot };
      page = run.page + count;
      return run;
    });
    return { files, runs };
  });

const perPage = (runs: Iterable<PageRun>): readonly (readonly number[])[] =>
  [...runs].flatMap(({ page, count, file, slot }) =>
    Array.from({ length: count }, (_, index) => [page + index, file, file === zeroFile ? 0 : slot + index]),
  );

describe('a page map', () => {
  test('is read as it was written', () => {
    fc.assert(
      fc.property(anyMap, (map) => {
        expect(decodePageMap(encodePageMap(map), pages)).toEqual(map);
      }),
    );
  });

  test('is refused when it is cut, changed in its order or names what is not there', () => {
    const content = encodePageMap({ files, runs: [{ page: 8, count: 2, file: 1, slot: 0 }] });
    expect(() => decodePageMap(content.subarray(0, -4), pages)).toThrow('it is not a page map');
    expect(() => decodePageMap(Buffer.from('{}'), pages)).toThrow('it is not a page map');
    expect(() => decodePageMap(content, 9)).toThrow('wrong at page 8');
    const wrong: readonly PageRun[][] = [
      [{ page: 0, count: 1, file: 2, slot: 0 }],
      [{ page: 0, count: 0, file: 0, slot: 0 }],
      [5, 5].map((page) => ({ page, count: 1, file: 0, slot: 0 })),
    ];
    for (const runs of wrong) expect(() => decodePageMap(encodePageMap({ files, runs }), pages)).toThrow('wrong at');
  });

  test('joins pages that follow each other in memory and in their file', () => {
    fc.assert(
      fc.property(anyMap, ({ runs }) => {
        const joined = new PageRuns();
        for (const [page = 0, file = 0, slot = 0] of perPage(runs)) joined.add({ page, count: 1, file, slot });
        expect(perPage(joined.all)).toEqual(perPage(runs));
        expect(joined.all.length).toBeLessThanOrEqual(runs.length);
      }),
    );
  });

  test('finds the parts of it in any run of pages', () => {
    fc.assert(
      fc.property(anyMap, fc.nat(60), fc.nat(60), (map, page, count) => {
        const within = perPage(map.runs).filter(([at = 0]) => at >= page && at < page + count);
        expect(perPage(partsOf(map, page, count))).toEqual(within);
      }),
    );
  });
});
