import { BigboxError, toBigboxError } from '../contracts/errors.ts';
import { createVmId, type VmId } from '../contracts/ids.ts';
import { Semaphore } from '../lib/async.ts';
import type { Logger } from '../lib/log.ts';
import type { VirtualMachine } from './virtual-machine.ts';
import { resolveType } from './vm-types.ts';

export interface NamedVmsOptions {
  readonly claim: (signal: AbortSignal) => Promise<VirtualMachine>;
  /** VMs that executions without a VM of their own use now. */
  readonly inUse: () => number;
  readonly limit: number;
  readonly logger: Logger;
}

export interface NamedVmWish {
  readonly vmType: string;
  readonly name?: string;
  readonly agentId?: string;
}

/** What is known of a VM that somebody asked for and that lives until it is deleted. */
export interface NamedVm {
  readonly id: VmId;
  readonly name: string;
  readonly vmType: string;
  readonly requestedVmType: string;
  readonly agentId?: string;
  readonly createdAt: Date;
  readonly state: 'booting' | 'ready' | 'paused' | 'failed';
  readonly updatedAt: Date;
  readonly lastActivity?: Date;
  readonly error?: BigboxError;
}

interface Entry {
  info: NamedVm;
  vm?: VirtualMachine;
  readonly deleted: AbortController;
  readonly started: Promise<void>;
  /** One change of state at a time; deleting does not wait for it. */
  readonly turn: Semaphore;
}

const maxFailedKept = 100;

/** VMs that live until they are deleted or the service ends. */
export class NamedVms {
  readonly #options: NamedVmsOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: NamedVmsOptions) {
    this.#options = options;
  }

  /** VMs that exist or are being made. */
  get count(): number {
    return [...this.#entries.values()].filter(({ info }) => info.state !== 'failed').length;
  }

  /** Begins to make a VM; `ready` comes when its agent has answered. Throws VM_TEMPLATE_UNKNOWN, LIMIT_EXCEEDED. */
  create(wish: NamedVmWish): NamedVm {
    const vmType = resolveType(wish.vmType);
    this.#assertRoom();
    const id = createVmId();
    const now = new Date();
    const info: NamedVm = {
      id,
      name: wish.name ?? id,
      vmType,
      requestedVmType: wish.vmType,
      ...(wish.agentId === undefined ? {} : { agentId: wish.agentId }),
      createdAt: now,
      updatedAt: now,
      state: 'booting',
    };
    const deleted = new AbortController();
    const started = Promise.resolve().then(() => this.#start(id));
    this.#entries.set(id, { info, deleted, started, turn: new Semaphore(1) });
    return info;
  }

  list(): readonly NamedVm[] {
    return [...this.#entries.values()].map(({ info }) => info);
  }

  /** Throws VM_NOT_FOUND. */
  get(id: string): NamedVm {
    return this.#entry(id).info;
  }

  /**
   * The VM for a call to its guest; a paused one is resumed first. Throws VM_NOT_FOUND, CONFLICT while it is not ready, VM_LOST after
   * it died, GUEST_UNREACHABLE when it cannot be resumed.
   */
  async use(id: string): Promise<VirtualMachine> {
    const entry = this.#entry(id);
    if (entry.info.state === 'paused' || entry.turn.free === 0) await this.#resume(entry);
    const vm = livingVm(entry);
    this.#change(entry, { lastActivity: new Date() });
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
      this.#become(entry, 'paused');
    });
    return entry.info;
  }

  /** Lets a paused VM go on, with the right time; a running one stays so. Throws as `use`. */
  async resume(id: string): Promise<NamedVm> {
    const entry = this.#entry(id);
    await this.#resume(entry);
    return entry.info;
  }

  /** Waits until the VM is ready or failed. Throws VM_NOT_FOUND. */
  async settled(id: string): Promise<NamedVm> {
    const entry = this.#entry(id);
    await entry.started;
    return entry.info;
  }

  /** Deletes a VM in whatever state it is. Throws VM_NOT_FOUND. */
  async delete(id: string): Promise<void> {
    const entry = this.#entry(id);
    this.#entries.delete(id);
    entry.deleted.abort(new BigboxError('VM_NOT_FOUND', { message: `The VM ${id} was deleted.` }));
    await entry.started;
    await entry.vm?.destroy();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#entries.keys()].map((id) => this.delete(id)));
  }

  async #start(id: VmId): Promise<void> {
    const entry = this.#entries.get(id);
    if (entry === undefined) return;
    try {
      const vm = await this.#options.claim(entry.deleted.signal);
      entry.vm = vm;
      await vm.adopt(id);
      this.#change(entry, { state: 'ready' });
      void vm.lost.then((error) => this.#lose(entry, error));
    } catch (error) {
      this.#lose(entry, toBigboxError(error));
    }
  }

  #resume(entry: Entry): Promise<void> {
    return this.#inTurn(entry, async (vm) => {
      await vm.resume();
      this.#become(entry, 'ready');
    });
  }

  /** Changes a living VM while nobody else does. Throws VM_NOT_FOUND when it is deleted meanwhile. */
  async #inTurn(entry: Entry, work: (vm: VirtualMachine) => Promise<void>): Promise<void> {
    const { signal } = entry.deleted;
    const release = await entry.turn.acquire(signal);
    try {
      await work(livingVm(entry));
    } catch (error) {
      signal.throwIfAborted();
      throw error;
    } finally {
      release();
    }
  }

  /** Nothing that was under way brings a failed VM back. */
  #become(entry: Entry, state: 'ready' | 'paused'): void {
    if (entry.info.state !== state && entry.info.state !== 'failed') this.#change(entry, { state });
  }

  #lose(entry: Entry, error: BigboxError): void {
    if (entry.deleted.signal.aborted) return;
    this.#change(entry, { state: 'failed', error });
    this.#options.logger.warn({ vm_id: entry.info.id, err: error }, 'a VM failed');
    const { vm } = entry;
    delete entry.vm;
    void vm?.destroy();
    const failed = [...this.#entries.values()].filter(({ info }) => info.state === 'failed');
    if (failed.length > maxFailedKept) this.#entries.delete(failed[0]?.info.id ?? '');
  }

  #change(entry: Entry, change: Partial<NamedVm>): void {
    entry.info = { ...entry.info, ...change, updatedAt: new Date() };
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    throw new BigboxError('VM_NOT_FOUND', {
      message: `There is no VM ${id.slice(0, 64)}.`,
      context: { vm_id: id.slice(0, 64) },
    });
  }

  #assertRoom(): void {
    const inUse = this.#options.inUse() + this.count;
    if (inUse < this.#options.limit) return;
    throw new BigboxError('LIMIT_EXCEEDED', {
      message: `${inUse} VMs are in use, the most that this service gives.`,
      context: { limit: 'max_vms', max_vms: this.#options.limit, in_use: inUse },
    });
  }
}

function livingVm({ info, vm }: Entry): VirtualMachine {
  if (info.error !== undefined) throw info.error;
  if (vm !== undefined && info.state !== 'booting') return vm;
  throw new BigboxError('CONFLICT', {
    message: `The VM ${info.id} is ${info.state}, not ready.`,
    context: { vm_id: info.id, state: info.state },
  });
}
