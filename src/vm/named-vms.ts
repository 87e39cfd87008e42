import { BigboxError, toBigboxError } from '../contracts/errors.ts';
import { createVmId, type VmId } from '../contracts/ids.ts';
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
  readonly state: 'booting' | 'ready' | 'failed';
  readonly updatedAt: Date;
  readonly lastActivity?: Date;
  readonly error?: BigboxError;
}

interface Entry {
  info: NamedVm;
  vm?: VirtualMachine;
  readonly deleted: AbortController;
  readonly started: Promise<void>;
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
    const entry: Entry = { info, deleted, started: Promise.resolve().then(() => this.#start(id)) };
    this.#entries.set(id, entry);
    return info;
  }

  list(): readonly NamedVm[] {
    return [...this.#entries.values()].map(({ info }) => info);
  }

  /** Throws VM_NOT_FOUND. */
  get(id: string): NamedVm {
    return this.#entry(id).info;
  }

  /** The VM for an execution. Throws VM_NOT_FOUND, CONFLICT while it is not ready, VM_LOST after it died. */
  use(id: string): VirtualMachine {
    const entry = this.#entry(id);
    if (entry.info.error !== undefined) throw entry.info.error;
    if (entry.vm === undefined || entry.info.state !== 'ready')
      throw new BigboxError('CONFLICT', {
        message: `The VM ${id} is ${entry.info.state}, not ready.`,
        context: { vm_id: id, state: entry.info.state },
      });
    this.#change(entry, { lastActivity: new Date() });
    return entry.vm;
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
