import { type BigboxError, toBigboxError } from '../../contracts/errors.ts';
import type { VmId } from '../../contracts/ids.ts';
import { Semaphore } from '../../lib/async.ts';
import type { MachineRecord, Snapshot } from '../../vmm/index.ts';
import { IdempotencyKeys, toRequest } from '../idempotency-keys.ts';
import { claimVm, type ClaimOptions } from './claim-vm.ts';
import { type Adoption, describeAdoption, type Entry, livingVm, startDeadline, toShown } from './entry.ts';
import { type NamedVm, type NamedVmWish, type TimeoutAction, toNamedVm } from './named-vm.ts';
import type { Limits } from '../limits/limits.ts';
import { inTurn } from './in-turn.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import { addSizes, times, type VmSize, type VmUse } from '../machine/vm-size.ts';
import { readUsage, type VmUsage } from '../machine/vm-usage.ts';
import { Registry, type RegistryOptions } from './registry.ts';
import type { KeptDisks } from './kept-disks.ts';
import { promote } from './promotion.ts';
import { startAgain, stop } from './stop.ts';
import type { VmRecord } from './vm-records.ts';

export interface NamedVmsOptions extends RegistryOptions, ClaimOptions {
  /** Goes on with the machine of a VM that an earlier owner left, running or paused as the VM is. */
  readonly adopt: (vm: NamedVm, machine: MachineRecord) => Promise<VirtualMachine>;
  /** Boots a machine with the disk in the directory. Throws VM_DISK_UNUSABLE, VM_BOOT_FAILED, GUEST_UNREACHABLE. */
  readonly boot: (id: VmId, directory: string, signal: AbortSignal) => Promise<VirtualMachine>;
  readonly disks: KeptDisks;
  /** What executions without a VM of their own use now. */
  readonly inUse: () => VmUse;
  /** Of VMs that nobody asked a size for. */
  readonly size: VmSize;
  readonly limits: Limits;
}

const maxKeysKept = 1000;
const concurrentAdoptions = 8;

/**
 * VMs that live until they are deleted, their timeout ends, or the service is stopped. They survive the death of the service: the next
 * one goes on with them.
 */
export class NamedVms {
  readonly #options: NamedVmsOptions;
  readonly #registry: Registry;
  readonly #keys = new IdempotencyKeys<NamedVm>(maxKeysKept);
  readonly #adoptions = new Semaphore(concurrentAdoptions);
  readonly #restored: readonly Entry[];

  /** Begins to take over the VMs that the records name. */
  constructor(options: NamedVmsOptions) {
    this.#options = options;
    this.#registry = new Registry(options);
    const records = options.records.read();
    const withDisk = records.filter(({ hasKeptDisk }) => hasKeptDisk === true);
    options.disks.removeOthers(new Set(withDisk.map(({ info }) => info.id)));
    this.#restored = records.map((record) => this.#restore(record));
  }

  /** Waits until every VM that an earlier owner left is taken over or given up. */
  async adopted(): Promise<Adoption> {
    const entries = this.#restored.filter(({ info }) => info.state !== 'failed');
    await Promise.all(entries.filter(({ machine }) => machine !== undefined).map(({ started }) => started));
    return describeAdoption(entries);
  }

  /** VMs that have a machine or are being made. */
  get count(): number {
    return this.#registry.active.length;
  }

  /**
   * Begins to make a VM; `ready` comes when its agent has answered. The same wish with the same idempotency key gives the VM that the
   * first call made. Throws VM_TEMPLATE_UNKNOWN, LIMIT_EXCEEDED, DISK_FULL, CONFLICT when the key came with another wish before.
   */
  create(wish: NamedVmWish, idempotencyKey?: string): NamedVm {
    return this.#keys.once(idempotencyKey, wish, () => this.#create(wish, idempotencyKey));
  }

  /** What they have together with executions without a VM of their own. */
  inUse(): VmUse {
    const executions = this.#options.inUse();
    const named = addSizes(this.#registry.active.map(({ size }) => size));
    return {
      vms: executions.vms + named.vms,
      vcpus: executions.vcpus + named.vcpus,
      memoryMib: executions.memoryMib + named.memoryMib,
    };
  }

  /** In the order of their making. */
  list(): readonly NamedVm[] {
    return this.#registry.all().map(toShown);
  }

  /** Those that run or are paused, as they stand. */
  living(): readonly VirtualMachine[] {
    return this.#registry.all().flatMap(({ vm, info }) => (vm === undefined || info.state === 'booting' ? [] : [vm]));
  }

  /** Throws VM_NOT_FOUND. */
  get(id: string): NamedVm {
    return toShown(this.#registry.get(id));
  }

  /**
   * The VM for a call to its guest; a paused one is resumed first. Throws VM_NOT_FOUND, CONFLICT while it is not ready, VM_LOST after
   * it died, GUEST_UNREACHABLE when it cannot be resumed.
   */
  async use(id: string): Promise<VirtualMachine> {
    const entry = this.#registry.get(id);
    if (entry.info.state === 'paused' || entry.turn.free === 0) await this.#resume(entry);
    const vm = livingVm(entry);
    this.#registry.set(entry, { lastActivity: new Date(this.#options.clock.now()) });
    return vm;
  }

  /**
   * Stops a VM with its memory and everything that runs in it kept; a paused one stays so. Throws VM_NOT_FOUND, CONFLICT while it is
   * not ready, VM_LOST.
   */
  async pause(id: string): Promise<NamedVm> {
    const entry = this.#registry.get(id);
    await inTurn(entry, async (vm) => {
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
    const entry = this.#registry.get(id);
    await this.#resume(entry);
    if (entry.deadline.extend(atLeastMs)) this.#registry.save(entry);
    return toShown(entry);
  }

  /**
   * Copies a VM as it stands into the directory and lets it go on, or stay paused. Throws VM_NOT_FOUND, CONFLICT while it is not ready,
   * VM_SNAPSHOT_FAILED, DISK_FULL, VM_LOST, GUEST_UNREACHABLE.
   */
  async capture(id: string, directory: string): Promise<Snapshot> {
    const entry = this.#registry.get(id);
    const captured = await inTurn(entry, (vm) =>
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

  /**
   * Lets a fork take the place of the VM that it was made of: that one goes on under its own id, with its name, labels, environment and
   * timeout, but with the memory and the disk of the fork. The fork's id and all other forks of the VM are gone then. Throws
   * VM_NOT_FOUND, CONFLICT where it is no fork, or not ready, or what it was made of is gone, VM_LOST, GUEST_UNREACHABLE, DISK_FULL.
   */
  async promote(id: string): Promise<NamedVm> {
    const promotion = {
      registry: this.#registry,
      records: this.#options.records,
      watch: (entry: Entry, vm: VirtualMachine): void => this.#watch(entry, vm),
      discard: (entry: Entry): Promise<void> => this.delete(entry.info.id),
    };
    const promoted = await promote(id, promotion);
    // It goes on with the machine of its fork.
    await this.#options.disks.remove(promoted.info.id);
    return toShown(promoted);
  }

  /**
   * Ends the programs in a VM, a few seconds after they were asked to end, keeps its disk and lets go of its memory and its machine; a paused
   * one goes on for that. Throws VM_NOT_FOUND, CONFLICT while it is not ready, VM_LOST, GUEST_UNREACHABLE, VM_SNAPSHOT_FAILED,
   * DISK_FULL.
   */
  async stop(id: string): Promise<NamedVm> {
    const entry = this.#registry.get(id);
    const { records, disks } = this.#options;
    await stop(entry, { registry: this.#registry, records, disks });
    return toShown(entry);
  }

  /**
   * Boots a stopped VM with its disk, under its name and with its whole timeout; a paused one is resumed, a running one stays so. Throws
   * VM_NOT_FOUND, LIMIT_EXCEEDED, DISK_FULL, VM_DISK_UNUSABLE, VM_BOOT_FAILED, GUEST_UNREACHABLE: it is stopped then.
   */
  async start(id: string): Promise<NamedVm> {
    const entry = this.#registry.get(id);
    if (entry.info.state === 'stopped') {
      this.assertRoom(entry.info.size);
      this.#registry.change(entry, { state: 'booting' });
      const started = this.#startAgain(entry);
      entry.started = started.then(() => undefined);
      const error = await started;
      if (error !== undefined) throw error;
    } else {
      await entry.started;
      await this.#resume(entry);
    }
    return toShown(entry);
  }

  /** Lets the timeout begin anew with this length, or takes it away. Throws VM_NOT_FOUND, and the error of a VM that failed. */
  limitTime(id: string, timeoutMs: number | undefined, onTimeout?: TimeoutAction): NamedVm {
    const entry = this.#registry.get(id);
    if (entry.info.error !== undefined) throw entry.info.error;
    this.#registry.set(entry, { timeoutMs, ...(onTimeout === undefined ? {} : { onTimeout }) });
    if (entry.info.state === 'ready') startDeadline(entry);
    this.#registry.save(entry);
    return toShown(entry);
  }

  /** Waits until the VM is ready or failed. Throws VM_NOT_FOUND. */
  async settled(id: string): Promise<NamedVm> {
    const entry = this.#registry.get(id);
    await entry.started;
    return toShown(entry);
  }

  /** Deletes a VM in whatever state it is. Throws VM_NOT_FOUND. */
  async delete(id: string): Promise<void> {
    const entry = this.#registry.get(id);
    this.#registry.delete(entry);
    await entry.started;
    await Promise.all([entry.vm?.destroy(), this.#options.disks.remove(entry.info.id)]);
  }

  /** What a VM uses now; a paused one stays so. Throws VM_NOT_FOUND, CONFLICT while it is not ready, VM_LOST after it died. */
  async usage(id: string): Promise<VmUsage> {
    return readUsage(livingVm(this.#registry.get(id)));
  }

  /** The last that a VM wrote on its console, also one that failed. Throws VM_NOT_FOUND. */
  console(id: string): string {
    const { vm, lastWords = '' } = this.#registry.get(id);
    return vm?.machine.consoleTail() ?? lastWords;
  }

  /** Throws LIMIT_EXCEEDED when no further VM may be used, for a while or for once, DISK_LIMIT_EXCEEDED, DISK_FULL. */
  assertRoom(size: VmSize = this.#options.size, count = 1): void {
    this.#options.limits.assertVms(this.inUse(), times(count, size));
  }

  /** Deletes all but those that are stopped: the next owner finds them. */
  async close(): Promise<void> {
    const living = this.#registry.all().filter(({ info }) => info.state !== 'stopped');
    await Promise.all(living.map(({ info }) => this.delete(info.id)));
  }

  #create(wish: NamedVmWish, key: string | undefined): NamedVm {
    const { clock, size } = this.#options;
    const info = toNamedVm(wish, { now: new Date(clock.now()), size });
    this.assertRoom(info.size);
    const record = { info, ...toRequest(key, wish) };
    this.#options.records.save(record);
    this.#remember(record, (entry) => this.#start(entry));
    return info;
  }

  #remember(record: VmRecord, begin: (entry: Entry) => Promise<void>): Entry {
    return this.#registry.add(record, { begin, onExpired: () => void this.#expire(record.info.id) });
  }

  /** One that was being made is made again; the state of the others stays as it was, and calls to them wait. */
  #restore(record: VmRecord): Entry {
    const { info, machine, request } = record;
    if (request !== undefined) this.#keys.restore(request, info);
    if (info.state === 'failed' || info.state === 'stopped') return this.#remember(record, () => Promise.resolve());
    if (record.hasKeptDisk === true)
      return this.#remember(record, async (entry) => void (await this.#startAgain(entry)));
    if (machine === undefined) return this.#remember(record, (entry) => this.#start(entry));
    return this.#remember(record, (entry) => this.#adopt(entry, machine));
  }

  async #adopt(entry: Entry, machine: MachineRecord): Promise<void> {
    const { info, turn, deadline } = entry;
    const release = await turn.acquire();
    if (info.expiresAt !== undefined) deadline.setAt(info.expiresAt);
    const leave = await this.#adoptions.acquire();
    try {
      const vm = await this.#options.adopt(info, machine);
      this.#watch(entry, vm);
    } catch (error) {
      this.#registry.fail(entry, toBigboxError(error));
    } finally {
      leave();
      release();
    }
  }

  async #start(entry: Entry): Promise<void> {
    try {
      this.#settle(entry, await claimVm(entry, this.#options));
    } catch (error) {
      this.#registry.fail(entry, toBigboxError(error));
    }
  }

  #startAgain(entry: Entry): Promise<BigboxError | undefined> {
    const { records, disks, logger, boot } = this.#options;
    const claim = ({ id }: NamedVm, signal: AbortSignal): Promise<VirtualMachine> => boot(id, disks.path(id), signal);
    return startAgain(entry, {
      registry: this.#registry,
      records,
      disks,
      boot: () => claimVm(entry, { claim, logger }),
      settle: (vm) => this.#settle(entry, vm),
    });
  }

  /** The VM has a machine now, which is written down. */
  #settle(entry: Entry, vm: VirtualMachine): void {
    startDeadline(entry);
    entry.machine = vm.machine.record();
    this.#registry.change(entry, { state: 'ready' });
    this.#watch(entry, vm);
  }

  #watch(entry: Entry, vm: VirtualMachine): void {
    entry.vm = vm;
    // A machine that was exchanged for another one is missed by nobody.
    void vm.lost.then((error) => {
      if (entry.vm === vm) this.#registry.fail(entry, error);
    });
  }

  #resume(entry: Entry): Promise<void> {
    return inTurn(entry, async (vm) => {
      await vm.resume();
      if (entry.info.state !== 'paused') return;
      startDeadline(entry);
      this.#registry.change(entry, { state: 'ready' });
    });
  }

  /** Nothing that was under way brings a failed VM back. */
  #stand(entry: Entry): void {
    if (entry.info.state !== 'ready') return;
    entry.deadline.clear();
    this.#registry.change(entry, { state: 'paused' });
  }

  async #expire(id: VmId): Promise<void> {
    const { logger } = this.#options;
    try {
      const entry = this.#registry.get(id);
      const { onTimeout } = entry.info;
      logger.info({ vm_id: id, on_timeout: onTimeout }, 'the timeout of a VM has ended');
      if (onTimeout === 'kill') return await this.delete(id);
      await inTurn(entry, async (vm) => {
        // The timeout may have begun anew while this waited for its turn.
        if (entry.deadline.at !== undefined) return;
        await vm.pause();
        this.#stand(entry);
      });
    } catch (error) {
      logger.warn({ vm_id: id, err: error }, 'what the timeout of a VM asks for could not be done');
    }
  }
}
