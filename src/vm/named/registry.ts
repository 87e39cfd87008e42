import { BigboxError } from '../../contracts/errors.ts';
import { Semaphore } from '../../lib/async.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import { type Entry, toRecord } from './entry.ts';
import type { NamedVm } from './named-vm.ts';
import { VmDeadline } from './vm-deadline.ts';
import type { VmRecord, VmRecords } from './vm-records.ts';

export interface RegistryOptions {
  /** What is written down of the VMs before anybody is told of it. */
  readonly records: VmRecords;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** How the life of an entry begins, and what its timeout does. */
interface Life {
  readonly begin: (entry: Entry) => Promise<void>;
  readonly onExpired: () => void;
}

const maxFailedKept = 100;

/** The VMs that there are, each as it is written down. */
export class Registry {
  readonly #options: RegistryOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: RegistryOptions) {
    this.#options = options;
  }

  /** VMs that have a machine or are being made. */
  get active(): readonly NamedVm[] {
    return this.all()
      .map(({ info }) => info)
      .filter(({ state }) => state !== 'failed' && state !== 'stopped');
  }

  /** In the order of their making. */
  all(): readonly Entry[] {
    return [...this.#entries.values()];
  }

  /** Throws VM_NOT_FOUND. */
  get(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    throw new BigboxError('VM_NOT_FOUND', {
      message: `There is no VM ${id.slice(0, 64)}.`,
      context: { vm_id: id.slice(0, 64) },
    });
  }

  /** Adds a VM that is written down already; its life begins in a moment. */
  add(record: VmRecord, { begin, onExpired }: Life): Entry {
    const entry: Entry = {
      ...record,
      deleted: new AbortController(),
      started: Promise.resolve().then(() => begin(entry)),
      turn: new Semaphore(1),
      deadline: new VmDeadline(this.#options.clock, onExpired),
    };
    this.#entries.set(record.info.id, entry);
    return entry;
  }

  /** Forgets a VM. What a death from here on leaves of its machine belongs to nobody, and is removed by the next service. */
  delete(entry: Entry): void {
    const { id } = entry.info;
    this.#entries.delete(id);
    entry.deadline.clear();
    entry.deleted.abort(new BigboxError('VM_NOT_FOUND', { message: `The VM ${id} was deleted.` }));
    this.#options.records.remove(id);
  }

  /** Changes what need not outlive this process. */
  set(entry: Entry, change: Partial<NamedVm>): void {
    entry.info = { ...entry.info, ...change, updatedAt: new Date(this.#options.clock.now()) };
  }

  /** Throws DISK_FULL; the change holds then too, but would not survive this process. */
  change(entry: Entry, change: Partial<NamedVm>): void {
    this.set(entry, change);
    this.save(entry);
  }

  /** Writes down how the VM stands. Throws DISK_FULL. */
  save(entry: Entry): void {
    if (!entry.deleted.signal.aborted) this.#options.records.save(toRecord(entry));
  }

  /** Keeps a VM only for telling that it failed. Nothing that was under way brings it back. */
  fail(entry: Entry, error: BigboxError): void {
    if (entry.deleted.signal.aborted) return;
    const { logger } = this.#options;
    const { vm, info } = entry;
    logger.warn({ vm_id: info.id, err: error }, 'a VM failed');
    if (vm !== undefined) entry.lastWords = vm.machine.consoleTail();
    entry.deadline.clear();
    delete entry.vm;
    delete entry.machine;
    try {
      this.change(entry, { state: 'failed', error });
    } catch (cause) {
      logger.error({ vm_id: info.id, err: cause }, 'that a VM failed could not be written down');
    }
    void vm?.destroy();
    this.#forgetFailed();
  }

  #forgetFailed(): void {
    const failed = this.all().filter(({ info }) => info.state === 'failed');
    if (failed.length > maxFailedKept && failed[0] !== undefined) this.delete(failed[0]);
  }
}
