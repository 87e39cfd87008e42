import { BigboxError, toBigboxError } from '../contracts/errors.ts';
import type { VmId } from '../contracts/ids.ts';
import { abortable, Semaphore } from '../lib/async.ts';
import type { Clock } from '../lib/clock.ts';
import type { Driver } from '../vmm/index.ts';
import { VirtualMachine } from './machine/virtual-machine.ts';
import { isSameSize, type VmSize } from './machine/vm-size.ts';
import type { VmMeter } from './meter.ts';
import type { Pool } from './pool/pool.ts';
import { toSpec, type VmImage } from './pool/vm-image.ts';
import type { Snapshots } from './snapshots/snapshots.ts';

export interface MachineSourceOptions {
  /** Until the pool is there, what an earlier owner left is being removed, and a new machine would be taken for it. */
  readonly started: () => Promise<Pool>;
  /** Of the clones in the pool. */
  readonly size: VmSize;
  readonly image: () => Promise<VmImage>;
  readonly snapshots: () => Snapshots;
  readonly driver: Driver;
  readonly clock: Clock;
  readonly meter: VmMeter;
  /** Machines that may begin at once beside those of the pool. */
  readonly concurrentStarts: number;
  /** Aborts when the service closes. */
  readonly closing: AbortSignal;
}

const startTimeoutMs = 60_000;

/** Where VMs get their machines from: the pool, a snapshot, or a disk that was kept. */
export class MachineSource {
  readonly #options: MachineSourceOptions;
  readonly #starts: Semaphore;

  constructor(options: MachineSourceOptions) {
    this.#options = options;
    this.#starts = new Semaphore(options.concurrentStarts);
  }

  /**
   * Takes a clone of the pool, or boots a machine where another size is wanted. Throws VM_UNAVAILABLE, what `Pool.claim` and
   * `VirtualMachine.boot` throw, and the signal's reason.
   */
  async make(size: VmSize, signal: AbortSignal): Promise<VirtualMachine> {
    const { driver, clock } = this.#options;
    const pool = await this.#startedPool(signal);
    if (isSameSize(size, this.#options.size)) return pool.claim(signal);
    const spec = toSpec(await this.#options.image(), size);
    return this.#begin(signal, async () => VirtualMachine.boot(await driver.boot(spec), clock));
  }

  /** Makes a VM of a snapshot. Throws VM_UNAVAILABLE, what `Snapshots.use` and `VirtualMachine.restore` throw, and the signal's reason. */
  async restore(snapshotId: string, signal: AbortSignal): Promise<VirtualMachine> {
    const { snapshots, driver, clock, meter } = this.#options;
    await this.#startedPool(signal);
    return snapshots().use(snapshotId, (snapshot) =>
      this.#begin(signal, async () => {
        const beganAt = clock.monotonic();
        const vm = await VirtualMachine.restore(await driver.prelaunch(snapshot), clock);
        meter.restored('snapshot', clock.monotonic() - beganAt);
        return vm;
      }),
    );
  }

  /** Boots the disk in the directory under its old name. Throws VM_UNAVAILABLE, VM_DISK_UNUSABLE, VM_BOOT_FAILED, GUEST_UNREACHABLE. */
  async bootAgain(id: VmId, directory: string, signal: AbortSignal): Promise<VirtualMachine> {
    const { driver, clock } = this.#options;
    await this.#startedPool(signal);
    const disk = await driver.loadDisk(directory);
    return this.#begin(signal, async () => VirtualMachine.bootAgain(await driver.boot(disk.spec, disk), clock, id));
  }

  async #begin(signal: AbortSignal, start: () => Promise<VirtualMachine>): Promise<VirtualMachine> {
    const release = await this.#starts.acquire(AbortSignal.any([signal, this.#options.closing]));
    try {
      const vm = await start();
      vm.occupy();
      return vm;
    } finally {
      release();
    }
  }

  async #startedPool(signal: AbortSignal): Promise<Pool> {
    const { started, closing } = this.#options;
    const timeout = AbortSignal.timeout(startTimeoutMs);
    try {
      return await abortable(started(), AbortSignal.any([signal, closing, timeout]));
    } catch (cause) {
      signal.throwIfAborted();
      closing.throwIfAborted();
      const reason = timeout.aborted ? 'the first VM is still being made' : toBigboxError(cause).message;
      throw new BigboxError('VM_UNAVAILABLE', { message: `There are no VMs: ${reason}`, cause });
    }
  }
}
