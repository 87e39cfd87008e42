import { globSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import { presentSuites, suites } from './suites.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');

describe('suites', () => {
  test('every test that needs a real part belongs to exactly one suite', () => {
    const real = suites.flatMap(({ name, program }) =>
      program.kind === 'vitest' && program.project === 'real' ? program.paths.map((path) => ({ name, path })) : [],
    );
    const files = globSync('src/**/*.real.test.ts', { cwd: root });
    expect(files.length).toBeGreaterThan(0);
    for (const file of files)
      expect(
        real.filter(({ path }) => file.startsWith(path)).map(({ name }) => name),
        file,
      ).toHaveLength(1);
  });

  test('have names of their own', () => {
    const names = suites.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  });

  test('are left out where the tree has no tests for them', () => {
    expect(presentSuites('/does/not/exist').map(({ program }) => program.kind)).not.toContain('cargo');
    expect(presentSuites(root).map(({ name }) => name)).toContain('layers');
  });
});
