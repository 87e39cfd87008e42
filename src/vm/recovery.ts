import type { Logger } from '../lib/log.ts';
import type { Driver } from '../vmm/index.ts';
import type { Adoption } from './named/entry.ts';
import type { NamedVms } from './named/named-vms.ts';
import type { Processes } from './processes/processes.ts';

export interface RecoveryOptions {
  readonly named: NamedVms;
  readonly processes: Processes;
  readonly driver: Driver;
  readonly logger: Logger;
}

/** What a service found of the one before it. */
export interface Recovery extends Adoption {
  /** Processes, directories and control groups that belonged to no VM. */
  readonly removed: readonly string[];
}

/** Waits until the VMs of an earlier service are taken over, and removes what belongs to none. To be done before any VM is made. */
export async function recover({ named, processes, driver, logger }: RecoveryOptions): Promise<Recovery> {
  const adoption = await named.adopted();
  processes.adopt();
  const removed = await driver.removeLeftovers(adoption.machines);
  const { adopted, remade, lost } = adoption;
  if (adopted.length + remade.length + lost.length + removed.length > 0)
    logger.warn({ adopted, remade, lost, removed }, 'an earlier VM service left this');
  return { ...adoption, removed };
}
