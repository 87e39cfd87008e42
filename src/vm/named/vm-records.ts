import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { BigboxError, ErrorBody, fromErrorBody, toErrorBody } from '../../contracts/errors.ts';
import type { VmId } from '../../contracts/ids.ts';
import { replaceFileAtOnce, temporarySuffix } from '../../lib/files.ts';
import type { Logger } from '../../lib/log.ts';
import type { MachineRecord } from '../../vmm/index.ts';
import type { KeptRequest } from '../idempotency-keys.ts';
import type { NamedVm } from './named-vm.ts';

/** All that must outlive this process for a VM to be found again. */
export interface VmRecord {
  readonly info: NamedVm;
  /** Absent while the VM has none. */
  readonly machine?: MachineRecord;
  /** The creating call that may come again. */
  readonly request?: KeptRequest;
}

const extension = '.json';

const StoredVm = z.object({
  info: z.object({
    id: z.string().regex(/^vm-[0-9a-f]+$/),
    name: z.string(),
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
    state: z.enum(['booting', 'ready', 'paused', 'failed']),
    error: ErrorBody.exactOptional(),
  }),
  machine: z.object({ id: z.string(), driver: z.string(), facts: z.record(z.string(), z.unknown()) }).exactOptional(),
  request: z.object({ key: z.string(), wishHash: z.string() }).exactOptional(),
});

/** What is written down of the VMs that live until they are deleted, one file each. */
export class VmRecords {
  readonly #directory: string;
  readonly #logger: Logger;

  /** The directory is owned by this alone. */
  constructor(directory: string, logger: Logger) {
    this.#directory = directory;
    this.#logger = logger;
  }

  /** In the order of the VMs' making. What was not written to its end is removed; what cannot be read is reported and left alone. */
  read(): readonly VmRecord[] {
    const records: VmRecord[] = [];
    for (const name of listDirectory(this.#directory)) {
      const path = join(this.#directory, name);
      if (name.endsWith(temporarySuffix)) rmSync(path, { force: true });
      if (!name.endsWith(extension)) continue;
      try {
        records.push(parseRecord(readFileSync(path, 'utf8')));
      } catch (error) {
        this.#logger.error({ path, err: error }, 'the record of a VM cannot be read; it is left alone');
      }
    }
    return records.toSorted((left, right) => left.info.createdAt.getTime() - right.info.createdAt.getTime());
  }

  /** Writes the record before it returns. Throws DISK_FULL. */
  save(record: VmRecord): void {
    const { error, ...info } = record.info;
    const failure = error === undefined ? {} : { error: toErrorBody(error) };
    const path = this.#path(info.id);
    try {
      replaceFileAtOnce(path, JSON.stringify({ ...record, info: { ...info, ...failure } }));
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code !== 'ENOSPC') throw cause;
      const message = `There is no disk space left to write down the state of the VM ${info.id}.`;
      throw new BigboxError('DISK_FULL', { message, context: { path }, cause });
    }
  }

  remove(id: VmId): void {
    rmSync(this.#path(id), { force: true });
  }

  #path(id: VmId): string {
    return join(this.#directory, `${id}${extension}`);
  }
}

function parseRecord(text: string): VmRecord {
  const { info, ...rest } = StoredVm.parse(JSON.parse(text));
  const { id, error, timeoutMs, expiresAt, ...kept } = info;
  const failure = error === undefined ? {} : { error: fromErrorBody(error) };
  return { ...rest, info: { ...kept, id: id as VmId, timeoutMs, expiresAt, ...failure } };
}

function listDirectory(path: string): readonly string[] {
  try {
    return readdirSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}
