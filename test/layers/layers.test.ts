import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { layers } from '../../layers.mjs';

const root = join(import.meta.dirname, '../..');
const checker = join(root, 'node_modules/.bin/depcruise');
let copy: string;

interface Report {
  readonly summary: {
    readonly violations: readonly {
      readonly rule: { readonly name: string };
      readonly from: string;
      readonly to: string;
    }[];
    readonly totalCruised: number;
  };
}

function check(directory: string): Report {
  const { stdout, stderr } = spawnSync(
    checker,
    ['--config', '.dependency-cruiser.mjs', '--output-type', 'json', 'src'],
    { cwd: directory, encoding: 'utf8', maxBuffer: 1 << 28 },
  );
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as Report;
}

beforeAll(() => {
  copy = mkdtempSync(join(tmpdir(), 'bigbox-layers-'));
  for (const name of ['src', 'layers.mjs', '.dependency-cruiser.mjs', 'tsconfig.json', 'package.json'])
    cpSync(join(root, name), join(copy, name), { recursive: true });
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'));
});
afterAll(() => rmSync(copy, { recursive: true }));

describe('the layer checker', () => {
  test('finds nothing in this tree, and really read it', () => {
    const { summary } = check(root);
    const sources = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', 'src/**/*.ts'], {
      cwd: root,
      encoding: 'utf8',
    })
      .trim()
      .split('\n');
    expect(summary.violations).toEqual([]);
    expect(summary.totalCruised).toBeGreaterThanOrEqual(sources.length * 0.9);
  });

  test('knows every folder of src, and every folder it knows stands in a rule', () => {
    const folders = readdirSync(join(root, 'src'), { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .map((entry) => entry.name);
    expect(Object.keys(layers)).toEqual(expect.arrayContaining(folders));
  });

  test.each([
    [
      'layer-agents',
      'src/agents/planted.ts',
      "import { loadConfiguration } from '../config/index.ts';\nexport const planted = loadConfiguration;\n",
    ],
    [
      'through-the-door',
      'src/apps/planted.ts',
      "import { redactSecrets } from '../config/redact.ts';\nexport const planted = redactSecrets;\n",
    ],
    [
      'unknown-module-source',
      'src/helpers/planted.ts',
      "import { version } from '../lib/version.ts';\nexport const planted = version;\n",
    ],
    [
      'core-node-only-in',
      'src/contracts/planted.ts',
      "import { readFileSync } from 'node:fs';\nexport const planted = readFileSync;\n",
    ],
    [
      'processes-only-in',
      'src/gateway/planted.ts',
      "import { spawn } from 'node:child_process';\nexport const planted = spawn;\n",
    ],
    ['no-dev-deps-in-src', 'src/http/planted.ts', "import fc from 'fast-check';\nexport const planted = fc;\n"],
    [
      'no-cycle',
      'src/lib/planted.ts',
      "import { again } from './planted-too.ts';\nexport const planted = () => again;\n",
    ],
  ])('catches a planted violation of %s', (rule, path, content) => {
    const planted = join(copy, path);
    mkdirSync(dirname(planted), { recursive: true });
    writeFileSync(planted, content);
    if (rule === 'no-cycle')
      writeFileSync(
        join(copy, 'src/lib/planted-too.ts'),
        "import { planted } from './planted.ts';\nexport const again = () => planted;\n",
      );

    const { summary } = check(copy);

    rmSync(planted);
    expect(
      summary.violations
        .filter((violation) => [violation.from, violation.to].includes(path))
        .map((violation) => violation.rule.name),
    ).toContain(rule);
  });
});

describe('the linter', () => {
  test('refuses the environment outside src/config', () => {
    const planted = join(copy, 'src/lib/environment-planted.ts');
    writeFileSync(planted, 'export const planted = process.env;\n');
    cpSync(join(root, '.oxlintrc.json'), join(copy, '.oxlintrc.json'));

    const { stdout, status } = spawnSync(join(root, 'node_modules/.bin/oxlint'), ['src/lib/environment-planted.ts'], {
      cwd: copy,
      encoding: 'utf8',
    });

    rmSync(planted);
    expect(stdout).toContain('no-process-env');
    expect(status).not.toBe(0);
  });
});
