import { toBigboxError } from '../../contracts/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { type Driver, FirecrackerDriver, findFirecracker, findKvmFault, QemuDriver } from '../../vmm/index.ts';

export interface DriverWish {
  /** `auto` takes Firecracker where it, its jailer and KVM work, else QEMU. */
  readonly driver: 'auto' | 'firecracker' | 'qemu';
  /** The accelerator of QEMU. */
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  readonly firecrackerPath?: string | undefined;
  /** Versions of Firecracker that are used although they are old or have known faults. */
  readonly allowedFirecrackerVersions: readonly string[];
  /** The variable PATH. */
  readonly searchPath: string;
  readonly cacheDir: string;
}

export type CreateDriver = (runDirectory: string) => Driver;

const notFound = 'it was not found, in FIRECRACKER_PATH, PATH or the cache';

/** Decides once what runs VMs here. Where Firecracker was asked for by name and cannot be had, its driver says so when it is used. */
export async function chooseDriver(wish: DriverWish, logger: Logger): Promise<CreateDriver> {
  const { accelerator } = wish;
  const createQemu =
    (...lost: readonly string[]): CreateDriver =>
    (runDirectory) =>
      new QemuDriver({ runDirectory, accelerator, lost, logger });
  if (wish.driver === 'qemu') return createQemu();
  const found = await findFirecracker({ named: wish.firecrackerPath, ...wish });
  const binaries = found ?? { binary: wish.firecrackerPath ?? 'firecracker', jailer: 'jailer' };
  const allowedVersions = wish.allowedFirecrackerVersions;
  const createFirecracker: CreateDriver = (runDirectory) =>
    new FirecrackerDriver({ runDirectory, ...binaries, allowedVersions, logger });
  if (wish.driver === 'firecracker') return createFirecracker;
  const reason = found === undefined ? notFound : await reasonAgainst(createFirecracker);
  if (reason === undefined) return createFirecracker;
  logger.info({ reason }, 'VMs are run by QEMU, not by Firecracker');
  return createQemu(`Firecracker is not used: ${reason.replace(/\.$/, '')}.`);
}

async function reasonAgainst(createFirecracker: CreateDriver): Promise<string | undefined> {
  try {
    await createFirecracker('/nonexistent').probe();
  } catch (error) {
    return toBigboxError(error).message;
  }
  // Where /dev/kvm is itself emulated it opens, and nothing runs.
  const fault = await findKvmFault('qemu-system-x86_64');
  return fault === undefined || fault.includes('ENOENT') ? undefined : `KVM does not work here: ${fault}`;
}
