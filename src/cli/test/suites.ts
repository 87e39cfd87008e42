import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Suite, SuiteProgram } from './suite.ts';

const minutes = (count: number): number => count * 60_000;

const check = (name: string, proves: string, ...command: readonly [string, ...string[]]): Suite => ({
  name,
  proves,
  program: { kind: 'check', command },
  limitMs: minutes(4),
  cores: 1,
  needs: [],
});

const vitest = (project: string, ...paths: readonly string[]): SuiteProgram => ({ kind: 'vitest', project, paths });

/** Everything that `bigbox test` can run, in the order in which it starts. */
export const suites: readonly Suite[] = [
  check('format', 'one format', 'npm', 'run', '-s', 'format:check'),
  check('lint', 'no lint finding', 'npm', 'run', '-s', 'lint'),
  check('types', 'the types hold', 'npm', 'run', '-s', 'typecheck'),
  { ...check('shell', 'shellcheck finds nothing', 'npm', 'run', '-s', 'shell'), needs: ['test packages'] },
  check('imports', 'the layer table holds', 'npm', 'run', '-s', 'layers'),
  {
    name: 'layers',
    proves: 'the layer checker catches planted violations',
    program: vitest('layers'),
    limitMs: minutes(3),
    cores: 1,
    needs: [],
  },
  {
    name: 'unit',
    proves: 'every module by itself',
    program: vitest('unit'),
    limitMs: minutes(5),
    cores: 2,
    needs: [],
  },
];

/** The suites that have at least one test file in this tree. */
export function presentSuites(root: string): readonly Suite[] {
  return suites.filter((suite) => isPresent(suite.program, root));
}

function isPresent(program: SuiteProgram, root: string): boolean {
  if (program.kind === 'check') return true;
  if (program.kind === 'cargo') return existsSync(join(root, program.directory, 'Cargo.toml'));
  if (program.project === 'unit') return true;
  if (program.project !== 'real') return hasTests(join(root, 'test', program.project));
  return program.paths.some((path) => hasTests(join(root, path), '.real.test.ts'));
}

const hasTests = (directory: string, ending = '.test.ts'): boolean =>
  existsSync(directory) && readdirSync(directory, { recursive: true }).some((file) => String(file).endsWith(ending));
