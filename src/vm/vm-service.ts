import { join } from 'node:path';
import { BigboxError } from '../contracts/errors.ts';
import type { ExecuteRequest, ExecutionEvent } from '../contracts/execution.ts';
import type { Limit } from '../contracts/limits.ts';
import type { VmServiceHealth } from '../contracts/health.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { Logger } from '../lib/log.ts';
import type { Driver, DriverCapabilities, Snapshot } from '../vmm/index.ts';
import { Benchmark } from './benchmark/benchmark.ts';
import type { CodePolicy } from './executions/code-policy.ts';
import { lockDirectory } from './directory-lock.ts';
import { openInventory } from './inventory.ts';
import { execute } from './executions/execution.ts';
import { defaultLimits, type VmLimits } from './limits/vm-limits.ts';
import { Limits } from './limits/limits.ts';
import type { Forks } from './snapshots/forks.ts';
import { GuestFiles } from './files/guest-files.ts';
import { prepare } from './executions/prepare.ts';
import type { HookOptions } from './hooks/hook-options.ts';
import { type Links, openLinks } from './links/links.ts';
import { noMeter, type VmMeter } from './meter.ts';
import type { NamedVms } from './named/named-vms.ts';
import { Pool, type PoolSize, type PoolStats } from './pool/pool.ts';
import { GuestPorts } from './ports/guest-ports.ts';
import { ProcessRecords } from './processes/process-records.ts';
import type { NamedVm } from './named/named-vm.ts';
import { Processes } from './processes/processes.ts';
import { type Recovery, recover } from './recovery.ts';
import { describeHealth } from './service-health.ts';
import type { KeptSnapshot, SnapshotWish } from './snapshots/kept-snapshot.ts';
import { SnapshotArchives } from './snapshots/snapshot-archives.ts';
import type { Snapshots } from './snapshots/snapshots.ts';
import { makeTemplate } from './pool/make-template.ts';
import { Template } from './pool/templates.ts';
import { MachineSource } from './machine-source.ts';
import type { VirtualMachine } from './machine/virtual-machine.ts';
import { times, type VmSize } from './machine/vm-size.ts';
import type { VmImage } from './pool/vm-image.ts';
import { templateName } from './pool/vm-types.ts';

export interface VmServiceOptions {
  /** Owned by this service alone. */
  readonly directory: string;
  readonly createDriver: (runDirectory: string) => Driver;
  /** Delivers the image; called once, in the background. The signal aborts when the service closes. */
  readonly loadImage: (signal: AbortSignal) => Promise<VmImage>;
  readonly pool: PoolSize;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly policy: CodePolicy;
  readonly hooks: HookOptions;
  readonly defaultTimeoutMs: number;
  /** Those of `defaultLimits` where nothing else is said. */
  readonly limits: Partial<VmLimits>;
  readonly concurrentStarts: number;
  readonly onStarting?: (isStarting: boolean) => void;
  readonly meter?: VmMeter;
  readonly logger: Logger;
  readonly clock?: Clock;
}

const claimTimeoutMs = 60_000;
const healthCheckMs = 30_000;
const maxCloneAgeMs = 3_600_000;
const abandonAfterMs = 500;

/** The one owner of microVMs on this machine: the pool, named VMs and what runs in them. */
export class VmService {
  readonly named: NamedVms;
  readonly processes: Processes;
  readonly snapshots: Snapshots;
  readonly archives: SnapshotArchives;
  readonly forks: Forks;
  readonly limits: Limits;
  readonly benchmark: Benchmark;
  readonly links: Links;
  readonly #options: VmServiceOptions;
  readonly #limits: VmLimits;
  readonly #driver: Driver;
  readonly #clock: Clock;
  readonly #meter: VmMeter;
  readonly #unlock: () => void;
  readonly #started: Promise<Pool>;
  readonly #machines: MachineSource;
  readonly #closing = new AbortController();
  #pool: Pool | undefined;
  #capabilities: DriverCapabilities | undefined;
  #image: VmImage | undefined;
  #problem: string | undefined;
  #recovery: Recovery | undefined;
  #running = 0;

  /** Takes the directory and begins to make the pool; use is possible at once and waits for it. Throws CONFLICT. */
  constructor(options: VmServiceOptions) {
    this.#options = options;
    this.#limits = { ...defaultLimits, ...options.limits };
    this.limits = new Limits({ limits: this.#limits, size: options, directory: options.directory });
    this.#clock = options.clock ?? systemClock;
    this.#meter = options.meter ?? noMeter;
    this.#unlock = lockDirectory(options.directory);
    this.#driver = options.createDriver(join(options.directory, 'run'));
    const { directory, logger } = options;
    const shared = { directory, driver: this.#driver, limits: this.limits, clock: this.#clock, logger };
    this.#machines = new MachineSource({
      ...options,
      size: this.size,
      image: () => this.image(),
      started: () => this.#started,
      snapshots: () => this.snapshots,
      ...shared,
      meter: this.#meter,
      closing: this.#closing.signal,
    });
    const { named, snapshots, forks } = openInventory({
      ...shared,
      claim: ({ snapshotId, size }, signal) =>
        snapshotId === undefined ? this.#machines.make(size, signal) : this.#machines.restore(snapshotId, signal),
      boot: (id, disk, signal) => this.#machines.bootAgain(id, disk, signal),
      inUse: () => times(this.#running, this.size),
      size: this.size,
      maxSnapshots: this.#limits.maxSnapshots,
    });
    this.named = named;
    this.snapshots = snapshots;
    this.archives = new SnapshotArchives({ ...shared, snapshots, image: () => this.image() });
    this.forks = forks;
    this.processes = new Processes({
      ...shared,
      vms: this.named,
      records: new ProcessRecords(join(directory, 'processes'), logger),
      keptOutputBytes: this.#limits.maxOutputBytes,
      defaultTimeoutMs: this.limits.capRunTime(options.defaultTimeoutMs),
      meter: this.#meter,
    });
    this.links = openLinks(shared);
    this.benchmark = new Benchmark({
      ...shared,
      named,
      snapshots,
      processes: this.processes,
      path: join(directory, 'benchmark.json'),
      vmType: templateName,
    });
    this.#started = this.#start();
    this.#started.catch((error: Error) => {
      this.#problem = error.message;
      logger.error({ err: error }, 'no VMs can be made');
    });
  }

  /** Resolves when the pool is full. Throws what keeps it from being so. */
  async ready(signal: AbortSignal): Promise<void> {
    const pool = await this.#started;
    const problem = await pool.filled(signal);
    if (problem !== undefined) throw new BigboxError('VM_UNAVAILABLE', { message: problem });
  }

  /**
   * Runs code in a VM of the caller's, or in a fresh clone that is thrown away. Breaking out of the loop or aborting the signal stops
   * the code. Throws what `prepare` throws, VM_NOT_FOUND, CONFLICT, LIMIT_EXCEEDED, VM_UNAVAILABLE.
   */
  async *execute(request: ExecuteRequest, signal: AbortSignal): AsyncGenerator<ExecutionEvent, void> {
    const { maxOutputBytes } = this.#limits;
    const defaultTimeoutMs = this.limits.capRunTime(this.#options.defaultTimeoutMs);
    const any = AbortSignal.any([signal, this.#closing.signal]);
    const environment = request.vm_id == null ? {} : this.named.get(request.vm_id).environment;
    const terms = { ...this.#options, environment, maxOutputBytes, defaultTimeoutMs, signal: any };
    const { program, ...said } = yield* prepare(request, terms);
    const common = { vmType: templateName, keptOutputBytes: maxOutputBytes, clock: this.#clock, signal: any };
    const options = { ...common, ...said, meter: this.#meter };
    this.limits.runTime(program.timeoutMs);
    if (request.vm_id != null) {
      yield* execute(await this.named.use(request.vm_id), program, options);
      return;
    }
    this.named.assertRoom();
    this.#running += 1;
    let vm: VirtualMachine | undefined;
    try {
      vm = await this.#machines.make(this.size, signal);
      yield* execute(vm, program, options);
    } finally {
      await vm?.destroy();
      this.#running -= 1;
      this.#pool?.refill();
    }
  }

  /** The files of a VM, which is resumed where it is paused. Throws VM_NOT_FOUND, CONFLICT, VM_LOST, GUEST_UNREACHABLE. */
  async files(vmId: string): Promise<GuestFiles> {
    return new GuestFiles(await this.named.use(vmId), this.limits);
  }

  /** The ports of a VM, which is resumed where it is paused. Throws as `NamedVms.use`. */
  async ports(vmId: string): Promise<GuestPorts> {
    return new GuestPorts(await this.named.use(vmId));
  }

  /** Makes a snapshot of a VM, which goes on. Throws as `Snapshots.create` and `NamedVms.capture`. */
  async snapshot(
    vmId: string,
    wish: Omit<SnapshotWish, 'vmId' | 'vmType'>,
    idempotencyKey?: string,
  ): Promise<KeptSnapshot> {
    const { vmType } = this.named.get(vmId);
    this.limits.assertDisk();
    const capture = (directory: string): Promise<Snapshot> => this.named.capture(vmId, directory);
    const beganAt = this.#clock.monotonic();
    const made = await this.snapshots.create({ ...wish, vmId, vmType }, capture, idempotencyKey);
    this.#meter.snapshotted(this.#clock.monotonic() - beganAt);
    return made;
  }

  /** Lets a fork take the place of the VM that it was made of, with what runs in it. Throws as `NamedVms.promote`. */
  async promote(forkId: string): Promise<NamedVm> {
    const promoted = await this.named.promote(forkId);
    this.processes.move(forkId, promoted.id);
    return promoted;
  }

  /** Clones that the next claims get. */
  readyClones(): readonly { readonly id: string; readonly createdAt: Date; readonly vmType: string }[] {
    return (this.#pool?.readyClones() ?? []).map(({ id, createdAt }) => ({ id, createdAt, vmType: templateName }));
  }

  health(): VmServiceHealth {
    return describeHealth({
      now: this.#clock.now(),
      capabilities: this.#capabilities,
      pool: this.#pool?.stats(),
      busy: this.#running + this.named.count,
      problem: this.#problem,
      recovery: this.#recovery,
    });
  }

  poolStats(): PoolStats & { readonly busy: number; readonly maxVms: number } {
    const nothing = { target: this.#options.pool.least, ready: 0, starting: 0, waitingProcesses: 0 };
    const stats = this.#pool?.stats() ?? { ...nothing, claimsWaiting: 0, hits: 0, misses: 0, broken: false };
    return { ...stats, busy: this.#running + this.named.count, maxVms: this.#limits.maxVms };
  }

  /** Every limit with what is used of it. */
  describeLimits(): readonly Limit[] {
    const { length: snapshots } = this.snapshots.list();
    return this.limits.describe({ vms: this.named.inUse(), snapshots });
  }

  /** What the driver can do here. Throws VMM_MISSING. */
  capabilities(): Promise<DriverCapabilities> {
    return this.#driver.probe();
  }

  /** What VMs are made of. Throws VM_UNAVAILABLE while it is not there. */
  async image(): Promise<VmImage> {
    if (this.#image !== undefined) return this.#image;
    const reason = this.#problem ?? 'it is still being built or verified';
    throw new BigboxError('VM_UNAVAILABLE', { message: `There is no image: ${reason}.` });
  }

  /** Of VMs that nobody asked a size for. */
  get size(): VmSize {
    return { vcpus: this.#options.vcpus, memoryMib: this.#options.memoryMib };
  }

  get policy(): CodePolicy {
    return this.#options.policy;
  }

  /** Destroys every VM and gives the directory back. */
  async close(): Promise<void> {
    this.#closing.abort(new BigboxError('SHUTTING_DOWN', { message: 'The VM service is stopping.' }));
    await this.#abandonStart();
    this.snapshots.close();
    await this.named.close();
    await this.forks.close();
    await this.#pool?.close();
    await this.#driver.close();
    this.#unlock();
  }

  async #start(): Promise<Pool> {
    const { logger, loadImage, directory, pool, vcpus, memoryMib, concurrentStarts, onStarting } = this.#options;
    this.#capabilities = await this.#driver.probe();
    this.#recovery = await recover({ named: this.named, processes: this.processes, driver: this.#driver, logger });
    const image = await loadImage(this.#closing.signal);
    this.#image = image;
    const common = { driver: this.#driver, clock: this.#clock, logger };
    const template = new Template({ ...common, directory: join(directory, 'templates'), image, vcpus, memoryMib });
    this.#capabilities = await makeTemplate(template, { driver: this.#driver, signal: this.#closing.signal, logger });
    this.#closing.signal.throwIfAborted();
    this.#pool = new Pool({
      ...common,
      template,
      size: pool,
      room: () => this.limits.vmsLeft(this.named.inUse()),
      waitingProcesses: 1,
      concurrentStarts,
      claimTimeoutMs,
      healthCheckMs,
      maxAgeMs: maxCloneAgeMs,
      meter: this.#meter,
      ...(onStarting === undefined ? {} : { onStarting }),
    });
    this.#pool.start();
    return this.#pool;
  }

  /** A template that boots just now is of no use any more: its process is ended, and with it the start. */
  async #abandonStart(): Promise<void> {
    const started = this.#started.then(
      () => true,
      () => true,
    );
    const soon = (): Promise<boolean> => this.#clock.sleep(abandonAfterMs).then(() => false);
    while (!(await Promise.race([started, soon()]))) await this.#driver.removeLeftovers(new Set());
  }
}
