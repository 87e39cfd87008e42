import type { Snapshot } from '../driver.ts';
import type { Lineage } from './lineage.ts';
import type { MachineDirectory } from './machine-directory.ts';
import type { PageBuffers } from './page-buffers.ts';
import type { QmpClient } from './qmp.ts';

/** What made a machine, and what restores of its snapshots must be like. */
export type MachineOrigin = Pick<Snapshot, 'spec' | 'driver' | 'version' | 'accelerator' | 'cpu'>;

/** A machine that stands still, and what it was made with. */
export interface StandingMachine {
  readonly pid: number;
  readonly control: QmpClient;
  readonly directory: MachineDirectory;
  /** Absent of a machine that is to be frozen. */
  readonly lineage: Lineage | undefined;
  readonly origin: MachineOrigin;
  /** Owns the files of the machine. */
  readonly userId: number | undefined;
  readonly buffers: PageBuffers;
}
