import { z } from 'zod';
import { ErrorBody, fromErrorBody, toErrorBody } from '../../contracts/errors.ts';
import type { VmId } from '../../contracts/ids.ts';
import type { Logger } from '../../lib/log.ts';
import type { MachineRecord } from '../../vmm/index.ts';
import { type KeptRequest, StoredRequest } from '../idempotency-keys.ts';
import { RecordFiles } from '../record-files.ts';
import { StoredSize } from '../machine/vm-size.ts';
import type { NamedVm } from './named-vm.ts';

/** All that must outlive this process for a VM to be found again. */
export interface VmRecord {
  readonly info: NamedVm;
  /** Absent while the VM has none. */
  readonly machine?: MachineRecord;
  /** Whether there is a disk that it is to boot with. */
  readonly hasKeptDisk?: boolean;
  /** The creating call that may come again. */
  readonly request?: KeptRequest;
  /** VMs that are gone since this one has the machine of one of them; a later writing forgets them. */
  readonly discards?: readonly VmId[];
}

const vmIdPattern = /^vm-[0-9a-f]+$/;
const StoredVm = z.object({
  info: z.object({
    id: z.string().regex(vmIdPattern),
    name: z.string(),
    size: StoredSize,
    vmType: z.string(),
    requestedVmType: z.string(),
    agentId: z.string().exactOptional(),
    snapshotId: z.string().exactOptional(),
    forkedFrom: z.string().exactOptional(),
    metadata: z.record(z.string(), z.string()),
    environment: z.record(z.string(), z.string()),
    timeoutMs: z.number().optional(),
    onTimeout: z.enum(['kill', 'pause']),
    expiresAt: z.coerce.date().optional(),
    createdAt: z.coerce.date(),
    updatedAt: z.coerce.date(),
    lastActivity: z.coerce.date().exactOptional(),
    state: z.enum(['booting', 'ready', 'paused', 'stopped', 'failed']),
    error: ErrorBody.exactOptional(),
  }),
  machine: z.object({ id: z.string(), driver: z.string(), facts: z.record(z.string(), z.unknown()) }).exactOptional(),
  hasKeptDisk: z.literal(true).exactOptional(),
  request: StoredRequest.exactOptional(),
  discards: z.array(z.string().regex(vmIdPattern)).exactOptional(),
});

/** What is written down of the VMs that live until they are deleted, one file each. The directory is owned by this alone. */
export class VmRecords {
  readonly #files: RecordFiles<VmRecord>;

  constructor(directory: string, logger: Logger) {
    this.#files = new RecordFiles({ directory, parse: parseRecord, logger });
  }

  /** In the order of the VMs' making. */
  read(): readonly VmRecord[] {
    return this.#files.read().toSorted((left, right) => left.info.createdAt.getTime() - right.info.createdAt.getTime());
  }

  /** Writes the record before it returns. Throws DISK_FULL. */
  save(record: VmRecord): void {
    const { error, ...info } = record.info;
    const failure = error === undefined ? {} : { error: toErrorBody(error) };
    this.#files.save(info.id, { ...record, info: { ...info, ...failure } });
  }

  remove(id: VmId): void {
    this.#files.remove(id);
  }
}

function parseRecord(json: unknown): VmRecord {
  const { info, discards, ...rest } = StoredVm.parse(json);
  const { id, error, timeoutMs, expiresAt, ...kept } = info;
  const failure = error === undefined ? {} : { error: fromErrorBody(error) };
  return {
    ...rest,
    ...(discards === undefined ? {} : { discards: discards as VmId[] }),
    info: { ...kept, id: id as VmId, timeoutMs, expiresAt, ...failure },
  };
}
