import { z } from 'zod';
import type { Logger } from '../../lib/log.ts';
import { StoredRequest } from '../idempotency-keys.ts';
import type { VmRecords } from '../named/vm-records.ts';
import { RecordFiles } from '../record-files.ts';

const StoredFork = z.object({
  /** The copy that the forks are made of. */
  copyId: z.string().regex(/^snap-[0-9a-f]+$/),
  request: StoredRequest.exactOptional(),
  /** Absent until all forks are written down. */
  forks: z.array(z.string()).exactOptional(),
});
/** What is written down of a call that makes forks. */
export type ForkRecord = Readonly<z.infer<typeof StoredFork>>;

/** The calls that make forks, one file each: before the first fork is written down, and again when the last one is. */
export class ForkRecords {
  readonly #files: RecordFiles<ForkRecord>;

  /** The directory is owned by this alone. */
  constructor(directory: string, logger: Logger) {
    this.#files = new RecordFiles({ directory, parse: (json) => StoredFork.parse(json), logger });
  }

  /** Throws DISK_FULL. */
  save(record: ForkRecord): void {
    this.#files.save(record.copyId, record);
  }

  remove(copyId: string): void {
    this.#files.remove(copyId);
  }

  /**
   * Undoes calls of an earlier owner that nobody got an answer to, forgets those whose forks are gone, and gives the others. To be done
   * before the records of the VMs are used.
   */
  settle(vms: VmRecords): readonly ForkRecord[] {
    const existing = new Map(vms.read().map(({ info }) => [info.id as string, info]));
    const kept: ForkRecord[] = [];
    for (const record of this.#files.read()) {
      const { copyId, forks } = record;
      if (forks === undefined)
        for (const { id, snapshotId } of existing.values()) if (snapshotId === copyId) vms.remove(id);
      if (forks?.some((id) => existing.has(id)) === true) kept.push(record);
      else this.remove(copyId);
    }
    return kept;
  }
}
