import { join } from 'node:path';
import type { Clock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Driver } from '../vmm/index.ts';
import type { Limits } from './limits/limits.ts';
import { VirtualMachine } from './machine/virtual-machine.ts';
import { KeptDisks } from './named/kept-disks.ts';
import { NamedVms, type NamedVmsOptions } from './named/named-vms.ts';
import { settlePromotions } from './named/promotion.ts';
import { VmRecords } from './named/vm-records.ts';
import { ForkRecords } from './snapshots/fork-records.ts';
import { Forks } from './snapshots/forks.ts';
import { Snapshots } from './snapshots/snapshots.ts';

export interface InventoryOptions extends Pick<NamedVmsOptions, 'claim' | 'boot' | 'inUse' | 'size'> {
  /** Owned by the service alone. */
  readonly directory: string;
  readonly driver: Driver;
  readonly limits: Limits;
  readonly maxSnapshots: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What outlives the service, in the order in which it is closed. */
export interface Inventory {
  readonly named: NamedVms;
  readonly forks: Forks;
  readonly snapshots: Snapshots;
}

/** Reads what an earlier service wrote down, undoes what nobody got an answer to, and begins to go on with the rest. */
export function openInventory(options: InventoryOptions): Inventory {
  const { directory, driver, claim, boot, inUse, size, limits, clock, logger } = options;
  const records = new VmRecords(join(directory, 'named'), logger);
  const forkRecords = new ForkRecords(join(directory, 'forks'), logger);
  settlePromotions(records);
  const earlier = forkRecords.settle(records);
  const wanted = records.read().filter(({ info }) => info.state === 'booting');
  const snapshots = new Snapshots({
    directory: join(directory, 'snapshots'),
    driver,
    keptCopies: new Set(wanted.flatMap(({ info }) => info.snapshotId ?? [])),
    templates: join(directory, 'templates'),
    limit: options.maxSnapshots,
    assertDisk: () => limits.assertDisk(),
    clock,
    logger,
  });
  const adopt: NamedVmsOptions['adopt'] = async ({ id, state }, record) => {
    const machine = await driver.adopt(record);
    return VirtualMachine.adopt(id, { machine, clock, isPaused: state === 'paused' });
  };
  const disks = new KeptDisks(join(directory, 'disks'));
  const named = new NamedVms({ claim, boot, adopt, records, disks, inUse, size, limits, clock, logger });
  return { named, snapshots, forks: new Forks({ named, snapshots, limits, records: forkRecords, earlier, logger }) };
}
