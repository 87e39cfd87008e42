import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../lib/clock.ts';
import { silentLogger } from '../../lib/log.ts';
import { Benchmark, type BenchmarkOptions, toFigures } from './benchmark.ts';

let folder: string;
beforeAll(async () => void (folder = await mkdtemp(join(tmpdir(), 'bigbox-benchmark-'))));
afterAll(() => rm(folder, { recursive: true }));

test('toFigures() gives a median that was measured, the least and the most', () => {
  const times = new Map([['pause', [4, 1.26, 9, 2]] as const, ['resume', [3]] as const]);
  expect(toFigures(times)).toEqual([
    { name: 'pause', rounds: 4, p50_ms: 4, min_ms: 1.3, max_ms: 9 },
    { name: 'resume', rounds: 1, p50_ms: 3, min_ms: 3, max_ms: 3 },
  ]);
});

test('a result that cannot be read counts as none', async () => {
  const path = join(folder, 'benchmark.json');
  const options = { path, clock: systemClock, logger: silentLogger, vmType: 'x' } as unknown as BenchmarkOptions;
  expect(new Benchmark(options).last).toBeUndefined();
  await writeFile(path, '{"at": 3');
  expect(new Benchmark(options).last).toBeUndefined();
});
