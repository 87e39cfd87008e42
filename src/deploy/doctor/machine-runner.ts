import { access, constants } from 'node:fs/promises';
import { BigboxError } from '../../contracts/errors.ts';
import { findCapabilities } from '../../vmm/index.ts';
import { type Finding, toFinding } from './finding.ts';

const emulated = 'VMs are emulated: slower, and QEMU does not call emulation a security boundary';

/** What runs VMs: the program, KVM by a virtual CPU that really runs, and the walls around a VM process, each built once. */
export async function checkMachineRunner(binary: string): Promise<readonly Finding[]> {
  try {
    const { capabilities, confinement, kvmFault } = await findCapabilities(binary, { accelerator: 'auto' });
    return [
      toFinding('QEMU', 'ok', capabilities.version),
      await checkKvm(kvmFault),
      toWallFinding(confinement.holds, confinement.missing),
    ];
  } catch (error) {
    if (!(error instanceof BigboxError) || error.code !== 'VMM_MISSING') throw error;
    return [toFinding('QEMU', 'problem', error.message, error.remedy)];
  }
}

/** Tells why a virtual CPU does not run by what is there: the device, the right to it, or neither is to blame. */
export async function checkKvm(fault: string | undefined, device = '/dev/kvm'): Promise<Finding> {
  const check = 'KVM';
  if (fault === undefined) return toFinding(check, 'ok', 'a virtual CPU ran');
  const may = async (mode: number): Promise<boolean> =>
    access(device, mode).then(
      () => true,
      () => false,
    );
  if (!(await may(constants.F_OK)))
    return toFinding(
      check,
      'advice',
      `there is no ${device}: ${emulated}`,
      'Turn virtualization on in the firmware, or nested virtualization where this machine is rented, and load kvm_intel or kvm_amd.',
    );
  if (!(await may(constants.R_OK | constants.W_OK)))
    return toFinding(
      check,
      'advice',
      `this user may not open ${device}: ${emulated}`,
      'Add the user to the group kvm (sudo usermod -aG kvm "$USER") and log in again.',
    );
  return toFinding(
    check,
    'advice',
    `${device} opens, and no virtual CPU runs (${fault.replace(/^\S*qemu\S*: (?:error: )?/, '')}): ${emulated}`,
    'This machine is itself virtual, and its host does not pass on what KVM needs: ask for nested virtualization there.',
  );
}

function toWallFinding(holds: readonly string[], missing: readonly string[]): Finding {
  const check = 'walls';
  if (missing.length === 0) return toFinding(check, 'ok', `around each VM process: ${holds.join(', ')}`);
  const remedy =
    process.getuid?.() === 0
      ? 'Run Bigbox where root may do this, not in a container without these rights.'
      : 'Run Bigbox as root: each VM process gives up the rights of root and becomes a user of its own.';
  return toFinding(check, 'advice', missing.join(' '), remedy);
}
