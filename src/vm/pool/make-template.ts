import { toBigboxError } from '../../contracts/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type { Driver, DriverCapabilities } from '../../vmm/index.ts';
import type { Template } from './templates.ts';

export interface MakeTemplateOptions {
  readonly driver: Driver;
  /** Nothing else is tried once it is aborted. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Makes the template and gives what the driver can do. KVM that runs a small program may still fail to boot a guest; emulation then takes
 * its place. Throws VM_BOOT_FAILED, VM_SNAPSHOT_FAILED, VMM_MISSING.
 */
export async function makeTemplate(template: Template, options: MakeTemplateOptions): Promise<DriverCapabilities> {
  const { driver, signal, logger } = options;
  try {
    await template.snapshot();
  } catch (error) {
    const { code, message } = toBigboxError(error);
    const mayFallBack = code === 'VM_BOOT_FAILED' && !signal.aborted;
    if (!mayFallBack || !(await driver.fallBack(message))) throw error;
    logger.warn({ reason: message }, 'no guest boots with KVM; VMs are emulated');
    await template.snapshot();
  }
  return driver.probe();
}
