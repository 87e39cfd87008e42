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
  check('unused', 'no file, export or dependency that nobody uses', 'npm', 'run', '-s', 'unused'),
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
  {
    name: 'guest',
    proves: 'the guest agent, in Rust',
    program: { kind: 'cargo', directory: 'guest' },
    limitMs: minutes(12),
    cores: 1,
    needs: ['packages'],
  },
  {
    name: 'engine',
    proves: 'durable runs on a real Restate, over its death and that of its worker',
    program: vitest('real', 'src/engine/'),
    limitMs: minutes(5),
    cores: 1,
    needs: [],
  },
  {
    name: 'services',
    proves: 'the processes together, over kill -9 and restarts',
    program: vitest('real', 'src/apps/', 'src/cli/'),
    limitMs: minutes(12),
    cores: 'all',
    needs: ['vm image', 'web pages', 'test model'],
  },
  {
    name: 'images',
    proves: 'the image and the agent inside a booted microVM',
    program: vitest('real', 'src/images/', 'src/guest/'),
    limitMs: minutes(8),
    cores: 'all',
    needs: ['vm image'],
  },
  {
    name: 'vmm',
    proves: 'the driver contract on real QEMU',
    program: vitest('real', 'src/vmm/'),
    limitMs: minutes(8),
    cores: 'all',
    needs: ['vm image'],
  },
  {
    name: 'firecracker',
    proves:
      'the driver contract on real Firecracker with its jailer, where there is no KVM in a guest that emulates it',
    program: { kind: 'vitest', project: 'firecracker', paths: [], place: 'lab' },
    leftOutBecause: 'machines in an emulated machine take seven minutes on two cores',
    limitMs: minutes(15),
    cores: 'all',
    needs: ['vm image'],
  },
  {
    name: 'vms',
    proves: 'code in microVMs through the API, and what ends it',
    program: vitest('real', 'src/vm/', 'src/api/'),
    limitMs: minutes(10),
    cores: 'all',
    needs: ['vm image'],
  },
  {
    name: 'models',
    proves: 'a real model behind the model seam',
    program: vitest('real', 'src/llm/', 'src/agents/', 'src/workflows/'),
    limitMs: minutes(8),
    cores: 'all',
    needs: ['test model'],
  },
  {
    name: 'conformance',
    proves: 'the wire formats, with the official clients',
    program: vitest('conformance'),
    limitMs: minutes(8),
    cores: 'all',
    needs: ['test model'],
  },
  {
    name: 'chaos',
    proves: 'nothing acknowledged is lost when processes die',
    program: vitest('chaos'),
    limitMs: minutes(15),
    cores: 'all',
    needs: ['vm image', 'web pages', 'test model'],
  },
  {
    name: 'hostile',
    proves: 'guests that attack, and garbage on the wire, harm nobody else',
    program: vitest('hostile'),
    limitMs: minutes(20),
    cores: 'all',
    needs: ['vm image'],
  },
  {
    name: 'e2e',
    proves: 'the pages in a browser',
    program: vitest('e2e'),
    limitMs: minutes(12),
    cores: 'all',
    needs: ['test packages', 'web pages', 'vm image', 'test model'],
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
  if (program.place === 'lab') return hasTests(join(root, 'test', 'nested-kvm'));
  if (program.project !== 'real') return hasTests(join(root, 'test', program.project));
  return program.paths.some((path) => hasTests(join(root, path), '.real.test.ts'));
}

const hasTests = (directory: string, ending = '.test.ts'): boolean =>
  existsSync(directory) && readdirSync(directory, { recursive: true }).some((file) => String(file).endsWith(ending));
