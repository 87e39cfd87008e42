import { execFile } from 'node:child_process';
import { cpus } from 'node:os';
import { promisify } from 'node:util';
import { BigboxError } from '../../contracts/errors.ts';
import type { DriverCapabilities } from '../driver.ts';
import { findKvmFault } from './accelerator.ts';
import { type Confinement, findConfinement } from '../process/confinement.ts';

const runFile = promisify(execFile);

/** Everything that one look at this machine found. */
export interface QemuProbe {
  readonly binary: string;
  readonly capabilities: DriverCapabilities;
  readonly confinement: Confinement;
  /** Why KVM is of no use here, if it is not. */
  readonly kvmFault?: string;
}

export interface AcceleratorWish {
  readonly accelerator: 'auto' | 'kvm' | 'tcg';
  /** Why KVM is of no use, where that is known already. */
  readonly kvmFault?: string | undefined;
}

/** Looks for QEMU, tries KVM and builds each wall once. Throws VMM_MISSING. */
export async function findCapabilities(binary: string, wish: AcceleratorWish): Promise<QemuProbe> {
  const { accelerator: wanted, kvmFault = wanted === 'tcg' ? 'it is turned off by configuration' : undefined } = wish;
  const version = await readVersion(binary);
  const [fault, confinement] = await Promise.all([kvmFault ?? findKvmFault(binary), findConfinement()]);
  if (wanted === 'kvm' && fault !== undefined)
    throw new BigboxError('VMM_MISSING', { message: `KVM was asked for and does not work here: ${fault}.` });
  const accelerator = fault === undefined ? 'kvm' : 'tcg';
  const emulated = `VMs are emulated: slow, and QEMU does not call emulation a security boundary. KVM does not work here: ${fault}.`;
  const missing = [...(accelerator === 'tcg' ? [emulated] : []), ...confinement.missing];
  const cpu = accelerator === 'kvm' ? (cpus()[0]?.model ?? 'unknown') : 'emulated';
  const capabilities = { driver: 'qemu', version, accelerator, cpu, confinement: confinement.holds, missing } as const;
  return { binary, capabilities, confinement, ...(fault === undefined ? {} : { kvmFault: fault }) };
}

async function readVersion(binary: string): Promise<string> {
  try {
    const { stdout } = await runFile(binary, ['--version'], { timeout: 10_000 });
    return /version (\S+ ?(?:\([^)]*\))?)/.exec(stdout)?.[1] ?? stdout.trim();
  } catch (cause) {
    throw new BigboxError('VMM_MISSING', { message: `${binary} cannot be run.`, context: { binary }, cause });
  }
}
