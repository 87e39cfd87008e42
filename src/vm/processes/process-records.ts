import { z } from 'zod';
import type { ProcessId } from '../../contracts/ids.ts';
import { TerminalSize } from '../../contracts/processes.ts';
import type { Logger } from '../../lib/log.ts';
import { type KeptRequest, StoredRequest } from '../idempotency-keys.ts';
import { RecordFiles } from '../record-files.ts';

const Bytes = z.object({ stdout: z.number().int(), stderr: z.number().int() });

const StoredProcess = z.object({
  id: z.string().regex(/^proc-[0-9a-f]+$/),
  vmId: z.string(),
  /** The name that the agent in the guest knows it by. */
  agentId: z.coerce.bigint(),
  guestPid: z.number().int(),
  program: z.object({
    argv: z.array(z.string()).readonly(),
    cwd: z.string().exactOptional(),
    env: z.record(z.string(), z.string()),
    user: z.string(),
    keepStdin: z.boolean(),
    pty: TerminalSize.exactOptional(),
    timeoutMs: z.number().exactOptional(),
  }),
  startedAt: z.coerce.date(),
  received: Bytes,
  request: StoredRequest.exactOptional(),
});

/** What must outlive this process for a process in a VM to be found again. */
export interface ProcessRecord extends Readonly<Omit<z.infer<typeof StoredProcess>, 'id' | 'request'>> {
  readonly id: ProcessId;
  /** The starting call that may come again. */
  readonly request?: KeptRequest;
}

/** What is written down of processes in VMs, one file each. A process that cannot be written down runs all the same. */
export class ProcessRecords {
  readonly #files: RecordFiles<ProcessRecord>;
  readonly #logger: Logger;

  /** The directory is owned by this alone. */
  constructor(directory: string, logger: Logger) {
    const parse = (json: unknown): ProcessRecord => {
      const { id, ...rest } = StoredProcess.parse(json);
      return { ...rest, id: id as ProcessId };
    };
    this.#files = new RecordFiles({ directory, parse, logger });
    this.#logger = logger;
  }

  /** In the order of their start. */
  read(): readonly ProcessRecord[] {
    return this.#files.read().toSorted((left, right) => left.startedAt.getTime() - right.startedAt.getTime());
  }

  save(record: ProcessRecord): void {
    try {
      this.#files.save(record.id, { ...record, agentId: String(record.agentId) });
    } catch (error) {
      this.#logger.error(
        { process_id: record.id, err: error },
        'a process in a VM will not be found again after a death',
      );
    }
  }

  remove(id: ProcessId): void {
    this.#files.remove(id);
  }
}
