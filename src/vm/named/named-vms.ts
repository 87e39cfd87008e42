import { BigboxError, toBigboxError } from '../../contracts/errors.ts';
import type { VmId } from '../../contracts/ids.ts';
import { Semaphore } from '../../lib/async.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Snapshot } from '../../vmm/index.ts';
import { IdempotencyKeys } from '../idempotency-keys.ts';
import { type NamedVm, type NamedVmWish, type TimeoutAction, toNamedVm } from './named-vm.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import { readUsage, type VmUsage } from '../machine/vm-usage.ts';
import { VmDeadline } from './vm-deadline.ts';

export interface NamedVmsOptions {
  readonly claim: (wish: NamedVm, signal: AbortSignal) => Promise<VirtualMachine>;
  /** VMs that executions without a VM of their own use now. */
  readonly inUse: () => number;
  readonly limit: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

interface Entry {
  info: NamedVm;
  vm?: VirtualMachine;
  readonly deleted: AbortController;
  readonly started: Promise<void>;
  /** One change of state at a time; deleting does not wait for it. */
  readonly turn: Semaphore;
  readonly deadline: VmDeadline;
  /** The last that it wrote on its console before it failed. */
  lastWords?: string;
}

const maxFailedKept = 100;
const maxKeysKept = 1000;

/** VMs that live until they are deleted, their timeout ends, or the service does. */
export class NamedVms {
  readonly #options: NamedVmsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new IdempotencyKeys<NamedVm>(maxKeysKept);

  constructor(options: NamedVmsOptions) {
    this.#options = options;
  }

  /** VMs that exist or are being made. */
  get count(): number {
    return [...this.#entries.values()].filter(({ info }) => info.state !== 'failed').length;
  }

  /**
   * Begins to make a VM; `ready` comes when its agent has answered. The same wish with the same idempotency key gives the VM that the
   * first call made. Throws VM_TEMPLATE_UNKNOWN, LIMIT_EXCEEDED, CONFLICT when the key came with another wish before.
   */
  create(wish: NamedVmWish, idempotencyKey?: string): NamedVm {
    return this.#keys.once(idempotencyKey, wish, () => this.#create(wish));
  }

  /** In the order of their making. */
  list(): readonly NamedVm[] {
    return [...this.#entries.values()].map(toShown);
  }

  /** Throws VM_NOT_FOUND. */
  get(id: string): NamedVm {
    return toShown(this.#entry(id));
  }

  /**
   * The VM for a call to its guest; a paused one is resumed first. Throws VM_NOT_FOUND, CONFLICT while it is not ready, VM_LOST after
   * it died, GUEST_UNREACHABLE when it cannot be resumed.
   */
  async use(id: string): Promise<VirtualMachine> {
    const entry = this.#entry(id);
    if (entry.info.state === 'paused' || entry.turn.free === 0) await this.#resume(entry);
    const vm = livingVm(entry);
    this.#change(entry, { lastActivity: new Date(this.#options.clock.now()) });
    return vm;
  }

  /**
   * Stops a VM with its memory and everything that runs in it kept; a paused one stays so. Throws VM_NOT_FOUND, CONFLICT while it is
   * not ready, VM_LOST.
   */
  async pause(id: string): Promise<NamedVm> {
    const entry = this.#entry(id);
    await this.#inTurn(entry, async (vm) => {
      await vm.pause();
      this.#stand(entry);
    });
    return toShown(entry);
  }

  /**
   * Lets a paused VM go on, with the right time and its whole timeout; a running one stays so. `atLeastMs` moves the end of a timeout
   * that would come earlier. Throws as `use`.
   */
  async resume(id: string, atLeastMs = 0): Promise<NamedVm> {
    const entry = this.#entry(id);
    await this.#resume(entry);
    entry.deadline.extend(atLeastMs);
    return toShown(entry);
  }

  /**
   * Copies a VM as it stands into the directory and lets it go on, or stay paused. Throws VM_NOT_FOUND, CONFLICT while it is not ready,
   * VM_SNAPSHOT_FAILED, DISK_FULL, VM_LOST, GUEST_UNREACHABLE.
   */
  async capture(id: string, directory: string): Promise<Snapshot> {
    const entry = this.#entry(id);
    const captured = await this.#inTurn(entry, (vm) =>
      vm.capture(directory).finally(() => {
        if (vm.isPaused) this.#stand(entry);
      }),
    );
    try {
      return await captured.complete();
    } finally {
      await captured.close();
    }
  }

  /** Lets the timeout begin anew with this length, or takes it away. Throws VM_NOT_FOUND, and the error of a VM that failed. */
  limitTime(id: string, timeoutMs: number | undefined, onTimeout?: TimeoutAction): NamedVm {
    const entry = this.#entry(id);
    if (entry.info.error !== undefined) throw entry.info.error;
    this.#change(entry, { timeoutMs, ...(onTimeout === undefined ? {} : { onTimeout }) });
    if (entry.info.state === 'ready') startDeadline(entry);
    return toShown(entry);
  }

  /** Waits until the VM is ready or failed. Throws VM_NOT_FOUND. */
  async settled(id: string): Promise<NamedVm> {
    const entry = this.#entry(id);
    await entry.started;
    return toShown(entry);
  }

  /** Deletes a VM in whatever state it is. Throws VM_NOT_FOUND. */
  async delete(id: string): Promise<void> {
    const entry = this.#entry(id);
    this.#entries.delete(id);
    entry.deadline.clear();
    entry.deleted.abort(new BigboxError('VM_NOT_FOUND', { message: `The VM ${id} was deleted.` }));
    await entry.started;
    await entry.vm?.destroy();
  }

  /** What a VM uses now; a paused one stays so. Throws VM_NOT_FOUND, CONFLICT while it is not ready, VM_LOST after it died. */
  async usage(id: string): Promise<VmUsage> {
    return readUsage(livingVm(this.#entry(id)));
  }

  /** The last that a VM wrote on its console, also one that failed. Throws VM_NOT_FOUND. */
  console(id: string): string {
    const { vm, lastWords = '' } = this.#entry(id);
    return vm?.machine.consoleTail() ?? lastWords;
  }

  /** Throws LIMIT_EXCEEDED when no further VM may be used, for a while or for once. */
  assertRoom(wanted = 1): void {
    const { limit } = this.#options;
    const inUse = this.#options.inUse() + this.count;
    if (inUse + wanted <= limit) return;
    throw new BigboxError('LIMIT_EXCEEDED', {
      message: `${inUse} VMs are in use and ${wanted} more are wanted; this service gives ${limit}.`,
      context: { limit: 'max_vms', max_vms: limit, in_use: inUse, wanted },
    });
  }

  async close(): Promise<void> {
    await Promise.all([...this.#entries.keys()].map((id) => this.delete(id)));
  }

  #create(wish: NamedVmWish): NamedVm {
    const info = toNamedVm(wish, new Date(this.#options.clock.now()));
    this.assertRoom();
    const { id } = info;
    const deleted = new AbortController();
    const started = Promise.resolve().then(() => this.#start(id));
    const deadline = new VmDeadline(this.#options.clock, () => void this.#expire(id));
    this.#entries.set(id, { info, deleted, started, turn: new Semaphore(1), deadline });
    return info;
  }

  async #start(id: VmId): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    try {
      const vm = (await this.#claim(entry)) ?? (await this.#claim(entry));
      if (vm === undefined) throw new BigboxError('VM_LOST', { message: `The VM ${id} died before it was ready.` });
      this.#change(entry, { state: 'ready' });
      startDeadline(entry);
      void vm.lost.then((error) => this.#lose(entry, error));
    } catch (error) {
      this.#lose(entry, toBigboxError(error));
    }
  }

  #resume(entry: Entry): Promise<void> {
    return this.#inTurn(entry, async (vm) => {
      await vm.resume();
      if (entry.info.state !== 'paused') return;
      this.#change(entry, { state: 'ready' });
      startDeadline(entry);
    });
  }

  /** Nothing that was under way brings a failed VM back. */
  #stand(entry: Entry): void {
    if (entry.info.state !== 'ready') return;
    this.#change(entry, { state: 'paused' });
    entry.deadline.clear();
  }

  async #expire(id: VmId): Promise<void> {
    const { logger } = this.#options;
    try {
      const entry = this.#entry(id);
      const { onTimeout } = entry.info;
      logger.info({ vm_id: id, on_timeout: onTimeout }, 'the timeout of a VM has ended');
      if (onTimeout === 'kill') return await this.delete(id);
      await this.#inTurn(entry, async (vm) => {
        // The timeout may have begun anew while this waited for its turn.
        if (entry.deadline.at !== undefined) return;
        await vm.pause();
        this.#stand(entry);
      });
    } catch (error) {
      logger.warn({ vm_id: id, err: error }, 'what the timeout of a VM asks for could not be done');
    }
  }

  /** Changes a living VM while nobody else does. Throws VM_NOT_FOUND when it is deleted meanwhile. */
  async #inTurn<TResult>(entry: Entry, work: (vm: VirtualMachine) => Promise<TResult>): Promise<TResult> {
    const { signal } = entry.deleted;
    const release = await entry.turn.acquire(signal);
    try {
      return await work(livingVm(entry));
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      release();
    }
  }

  /** A clone may have died in the pool a moment ago: then there is none. Throws what `claim` throws. */
  async #claim(entry: Entry): Promise<VirtualMachine | undefined> {
    const { signal } = entry.deleted;
    const vm = await this.#options.claim(entry.info, signal);
    entry.vm = vm;
    try {
      await vm.adopt(entry.info.id);
      return vm;
    } catch (error) {
      delete entry.vm;
      await vm.destroy();
      signal.throwIfAborted();
      this.#options.logger.warn({ vm_id: entry.info.id, err: error }, 'a clone did not take its name');
      return undefined;
    }
  }

  #lose(entry: Entry, error: BigboxError): void {
    if (entry.deleted.signal.aborted) return;
    this.#change(entry, { state: 'failed', error });
    entry.deadline.clear();
    this.#options.logger.warn({ vm_id: entry.info.id, err: error }, 'a VM failed');
    const { vm } = entry;
    if (vm !== undefined) entry.lastWords = vm.machine.consoleTail();
    delete entry.vm;
    void vm?.destroy();
    const failed = [...this.#entries.values()].filter(({ info }) => info.state === 'failed');
    if (failed.length > maxFailedKept) this.#entries.delete(failed[0]?.info.id ?? '');
  }

  #change(entry: Entry, change: Partial<NamedVm>): void {
    entry.info = { ...entry.info, ...change, updatedAt: new Date(this.#options.clock.now()) };
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    throw new BigboxError('VM_NOT_FOUND', {
      message: `There is no VM ${id.slice(0, 64)}.`,
      context: { vm_id: id.slice(0, 64) },
    });
  }
}

const toShown = ({ info, deadline }: Entry): NamedVm => ({ ...info, expiresAt: deadline.at });

/** The timeout counts anew, where there is one. */
function startDeadline({ info: { timeoutMs }, deadline }: Entry): void {
  if (timeoutMs === undefined) deadline.clear();
  else deadline.set(timeoutMs);
}

function livingVm({ info, vm }: Entry): VirtualMachine {
  if (info.error !== undefined) throw info.error;
  if (vm !== undefined && info.state !== 'booting') return vm;
  throw new BigboxError('CONFLICT', {
    message: `The VM ${info.id} is ${info.state}, not ready.`,
    context: { vm_id: info.id, state: info.state },
  });
}
