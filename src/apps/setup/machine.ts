import { access, constants, mkdir, readFile, statfs } from 'node:fs/promises';
import { availableParallelism, totalmem } from 'node:os';
import { BigboxError } from '../../contracts/errors.ts';
import { findPortFault } from '../../lib/port-fault.ts';

/** What Bigbox finds itself on. */
export interface Machine {
  readonly system: string;
  readonly cores: number;
  readonly memoryBytes: number;
  readonly freeDiskBytes: number;
  readonly hasKvm: boolean;
}

const neededDisk = 3e9;

/** Looks at the machine. Throws MACHINE_NOT_SUPPORTED where Bigbox cannot run at all, DISK_FULL where it does not fit. */
export async function inspectMachine(cacheDir: string): Promise<Machine> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new BigboxError('MACHINE_NOT_SUPPORTED', {
      message: `Bigbox runs on Linux on x86-64, and this is ${process.platform} on ${process.arch}.`,
    });
  await mkdir(cacheDir, { recursive: true });
  const { bavail, bsize } = await statfs(cacheDir);
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '');
  const name = /^NAME="?([^"\n]*?)(?: GNU\/Linux)?"?$/m.exec(release)?.[1] ?? 'Linux';
  const version = /^VERSION_ID="?([^"\n]*)"?$/m.exec(release)?.[1] ?? '';
  return {
    system: `${name} ${version}`.trim(),
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    freeDiskBytes: bavail * bsize,
    hasKvm: await access('/dev/kvm', constants.R_OK | constants.W_OK).then(
      () => true,
      () => false,
    ),
  };
}

/** Throws DISK_FULL where a first set-up does not fit. */
export function requireDisk(machine: Machine, cacheDir: string): void {
  if (machine.freeDiskBytes >= neededDisk) return;
  throw new BigboxError('DISK_FULL', {
    message: `The set-up needs 3 GB, and the disk of ${cacheDir} has ${(machine.freeDiskBytes / 1e9).toFixed(1)} GB free.`,
    remedy: 'Free some space, or choose another place with BIGBOX_CACHE_DIR and --data-dir.',
  });
}

/** Throws PORT_IN_USE where somebody listens on a loopback port already. */
export async function requireFreePort(
  port: number,
  options: { readonly flag: string; readonly use: string },
): Promise<void> {
  if (port === 0) return;
  const fault = await findPortFault(port);
  if (fault === undefined) return;
  throw new BigboxError('PORT_IN_USE', {
    message: `Port ${port} for ${options.use} cannot be used: ${fault}.`,
    context: { port },
    remedy: `Stop it, or choose another with ${options.flag}.`,
  });
}
