import { execFile } from 'node:child_process';
import { open } from 'node:fs/promises';
import { cpus } from 'node:os';
import { promisify } from 'node:util';
import { BigboxError } from '../../contracts/errors.ts';
import type { DriverCapabilities } from '../driver.ts';
import { type Confinement, findConfinement } from '../process/confinement.ts';
import { parseVersion, refusalOf } from './versions.ts';

const runFile = promisify(execFile);

export interface FirecrackerProbe {
  readonly capabilities: DriverCapabilities;
  readonly confinement: Confinement;
}

export interface ProbeOptions {
  readonly binary: string;
  readonly jailer: string;
  readonly allowedVersions: readonly string[];
}

/** What the jailer and Firecracker itself put around every VM. */
const walls = ['seccomp', 'own root directory', 'own user per VM', 'own namespaces', 'no privileges'];

/** Looks for Firecracker, its jailer and what both need. Throws VMM_MISSING with the first thing that is not there. */
export async function probeFirecracker(options: ProbeOptions): Promise<FirecrackerProbe> {
  const [version, jailerVersion] = await Promise.all([readVersion(options.binary), readVersion(options.jailer)]);
  const refusal = refusalOf(version, options.allowedVersions);
  if (refusal !== undefined) throw missing(refusal);
  if (jailerVersion !== version) throw missing(`The jailer is ${jailerVersion}, Firecracker ${version}.`);
  if (process.getuid?.() !== 0) throw missing('The jailer needs root, and this service does not run as root.');
  await openKvm();
  const confinement = await findConfinement();
  if (confinement.firstUserId === undefined) throw missing('VMs cannot be given users of their own here.');
  if (confinement.namespaces === undefined) throw missing('VMs cannot be given namespaces of their own here.');
  const groups = confinement.groups === undefined ? [] : ['control group'];
  const capabilities: DriverCapabilities = {
    driver: 'firecracker',
    version,
    accelerator: 'kvm',
    cpu: cpus()[0]?.model ?? 'unknown',
    confinement: [...walls, ...groups],
    missing: [
      'Snapshots that were exported cannot be imported: Firecracker takes in none that were made elsewhere yet.',
      'Keeping or forking a VM that runs ends the calls to its guest that are under way.',
      'A snapshot holds all memory of its VM: captures of Firecracker are not incremental yet.',
      ...(confinement.groups === undefined
        ? ['VMM processes have no memory and process limit: no control group.']
        : []),
    ],
  };
  return { capabilities, confinement };
}

async function readVersion(program: string): Promise<string> {
  try {
    const { stdout } = await runFile(program, ['--version'], { timeout: 10_000 });
    const version = parseVersion(stdout);
    if (version !== undefined) return version;
  } catch (cause) {
    throw missing(`${program} cannot be run.`, cause);
  }
  throw missing(`${program} does not say which version it is.`);
}

async function openKvm(): Promise<void> {
  try {
    await (await open('/dev/kvm', 'r+')).close();
  } catch (cause) {
    throw missing('/dev/kvm cannot be opened.', cause);
  }
}

const missing = (message: string, cause?: unknown): BigboxError => new BigboxError('VMM_MISSING', { message, cause });
