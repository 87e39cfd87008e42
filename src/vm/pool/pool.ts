import { BigboxError, toBigboxError } from '../../contracts/errors.ts';
import { Semaphore, abortable } from '../../lib/async.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { VmMeter } from '../meter.ts';
import type { Driver, WaitingMachine } from '../../vmm/index.ts';
import { Demand } from './demand.ts';
import type { Template } from './templates.ts';
import { WaitingProcesses } from './waiting-processes.ts';
import { VirtualMachine } from '../machine/virtual-machine.ts';

export interface PoolSize {
  readonly least: number;
  readonly most: number;
  /** What all waiting clones together may take; at least `least` are kept all the same. */
  readonly memoryBytes: number;
}

export interface PoolOptions {
  readonly driver: Driver;
  readonly template: Template;
  /** Running clones that are kept ready; more while demand asks for it. */
  readonly size: PoolSize;
  /** VMs that may exist beside those that are in use; the pool shrinks as it falls. */
  readonly room: () => number;
  /** Started VMM processes that are kept without a guest. */
  readonly waitingProcesses: number;
  /** Starts that may go on at once. */
  readonly concurrentStarts: number;
  readonly claimTimeoutMs: number;
  readonly healthCheckMs: number;
  /** A clone that waited for so long is replaced. */
  readonly maxAgeMs: number;
  /** Told when starting begins and when the last start has ended, so that others leave the processors alone meanwhile. */
  readonly onStarting?: (isStarting: boolean) => void;
  readonly meter: VmMeter;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface PoolStats {
  readonly target: number;
  readonly ready: number;
  readonly starting: number;
  readonly waitingProcesses: number;
  readonly claimsWaiting: number;
  /** Claims since the start that got a clone that was there, and that had to wait for a restore. */
  readonly hits: number;
  readonly misses: number;
  /** True while the template is sick: claims get machines that are booted for them, slowly. */
  readonly broken: boolean;
  /** Why the last start failed; absent after a start that worked. */
  readonly problem?: string;
}

interface Claim {
  readonly give: (vm: VirtualMachine) => void;
  readonly refuse: (error: Error) => void;
}

const firstPauseMs = 250;
const longestPauseMs = 30_000;
const sickAfter = 3;
/** What an idle clone takes until one was measured. */
const firstGuessBytes = 64 * 1024 * 1024;

/** Keeps clones running ahead of need. A claim takes one at once; where none is there it waits for a restore, never for a boot. */
export class Pool {
  readonly #options: PoolOptions;
  readonly #ready: VirtualMachine[] = [];
  readonly #waiting: WaitingProcesses;
  readonly #claims: Claim[] = [];
  readonly #starts: Semaphore;
  readonly #stopped = new AbortController();
  readonly #demand = new Demand();
  #cloneBytes = firstGuessBytes;
  #running = new Set<Promise<void>>();
  #starting = 0;
  #failures = 0;
  #problem: string | undefined;
  #hits = 0;
  #misses = 0;
  #timer: NodeJS.Timeout | undefined;
  #paused = false;

  constructor(options: PoolOptions) {
    this.#options = options;
    this.#starts = new Semaphore(options.concurrentStarts);
    this.#waiting = new WaitingProcesses({
      count: options.waitingProcesses,
      prelaunch: () => this.#inTurn(() => this.#prelaunch()),
      logger: options.logger,
    });
  }

  /** Fills the pool and checks its idle clones from then on. */
  start(): void {
    this.refill();
    this.#timer = setInterval(() => this.#run(() => this.#checkIdle()), this.#options.healthCheckMs);
    this.#timer.unref();
  }

  /** Hands over a clone; the caller destroys it. Throws VM_UNAVAILABLE, SHUTTING_DOWN, or the signal's reason when aborted. */
  async claim(signal: AbortSignal): Promise<VirtualMachine> {
    signal.throwIfAborted();
    this.#assertOpen();
    const { clock, meter } = this.#options;
    const beganAt = clock.monotonic();
    this.#demand.claimed(beganAt);
    const ready = this.#takeReady();
    if (ready !== undefined) {
      this.#hits += 1;
      this.refill();
      meter.claimed('ready', clock.monotonic() - beganAt);
      return ready;
    }
    this.#misses += 1;
    const restored = await this.#queue(signal);
    meter.claimed('restored', clock.monotonic() - beganAt);
    return restored;
  }

  readyClones(): readonly VirtualMachine[] {
    return [...this.#ready];
  }

  stats(): PoolStats {
    return {
      target: this.#target(),
      ready: this.#ready.length,
      starting: this.#starting,
      waitingProcesses: this.#waiting.size,
      claimsWaiting: this.#claims.length,
      hits: this.#hits,
      misses: this.#misses,
      broken: this.#failures >= sickAfter,
      ...(this.#problem === undefined ? {} : { problem: this.#problem }),
    };
  }

  /** Resolves when the pool has its least number of clones, or with the problem that keeps it from having them. */
  async filled(signal: AbortSignal): Promise<string | undefined> {
    while (this.#ready.length < this.#options.size.least) {
      if (this.#problem !== undefined) return this.#problem;
      await this.#options.clock.sleep(20, signal);
    }
    return undefined;
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    this.#stopped.abort();
    for (const claim of this.#claims.splice(0)) claim.refuse(shuttingDown());
    while (this.#running.size > 0) await Promise.all(this.#running);
    await this.#waiting.close();
    await Promise.all(this.#ready.splice(0).map((vm) => vm.destroy()));
  }

  #takeReady(): VirtualMachine | undefined {
    for (let vm = this.#ready.shift(); vm !== undefined; vm = this.#ready.shift()) {
      if (vm.state !== 'ready') continue;
      vm.occupy();
      return vm;
    }
    return undefined;
  }

  async #queue(signal: AbortSignal): Promise<VirtualMachine> {
    const { promise, resolve, reject } = Promise.withResolvers<VirtualMachine>();
    const claim: Claim = { give: resolve, refuse: reject };
    this.#claims.push(claim);
    this.refill();
    const timeout = AbortSignal.timeout(this.#options.claimTimeoutMs);
    try {
      return await abortable(promise, AbortSignal.any([signal, timeout]));
    } catch (error) {
      const index = this.#claims.indexOf(claim);
      if (index >= 0) this.#claims.splice(index, 1);
      else promise.then((vm) => vm.destroy()).catch(() => undefined);
      if (!timeout.aborted || signal.aborted) throw error;
      throw new BigboxError('VM_UNAVAILABLE', {
        message: `No VM became free within ${this.#options.claimTimeoutMs} ms.`,
        context: { problem: this.#problem ?? null },
      });
    }
  }

  /** Starts what is missing; called by the owner too when a VM that was in use is gone. */
  refill(): void {
    if (this.#stopped.signal.aborted || this.#paused) return;
    const wanted = Math.max(0, Math.min(this.#target(), this.#options.room())) + this.#claims.length;
    while (this.#ready.length + this.#starting < wanted) this.#run(() => this.#startOne());
    if (this.#claims.length === 0) this.#waiting.refill();
  }

  /** As many as the last bursts of claims took, within the bounds. */
  #target(): number {
    const { least, most, memoryBytes } = this.#options.size;
    const affordable = Math.floor(memoryBytes / this.#cloneBytes);
    const wanted = this.#demand.peak(this.#options.clock.monotonic());
    return Math.max(least, Math.min(wanted, most, affordable));
  }

  #run(work: () => Promise<void>): void {
    const running = work().finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #startOne(): Promise<void> {
    this.#starting += 1;
    if (this.#starting === 1) this.#options.onStarting?.(true);
    const beganAt = this.#options.clock.monotonic();
    try {
      const vm = await this.#restoreOne();
      this.#demand.started(this.#options.clock.monotonic() - beganAt);
      this.#failures = 0;
      this.#problem = undefined;
      this.#hand(vm);
    } catch (error) {
      if (!this.#stopped.signal.aborted) await this.#recover(toBigboxError(error));
    } finally {
      this.#starting -= 1;
      if (this.#starting === 0) this.#options.onStarting?.(false);
      this.refill();
    }
  }

  #restoreOne(): Promise<VirtualMachine> {
    return this.#inTurn(async () => {
      const waiting = this.#waiting.take() ?? (await this.#prelaunch());
      const { clock, meter } = this.#options;
      const beganAt = clock.monotonic();
      const vm = await VirtualMachine.restore(waiting, clock);
      meter.restored('template', clock.monotonic() - beganAt);
      return vm;
    });
  }

  /** No more starts at once than the processors bear. */
  async #inTurn<TResult>(start: () => Promise<TResult>): Promise<TResult> {
    const release = await this.#starts.acquire(this.#stopped.signal);
    try {
      return await start();
    } finally {
      release();
    }
  }

  async #prelaunch(): Promise<WaitingMachine> {
    return this.#options.driver.prelaunch(await this.#options.template.snapshot());
  }

  #hand(vm: VirtualMachine): void {
    if (this.#stopped.signal.aborted) return this.#run(() => vm.destroy());
    const claim = this.#claims.shift();
    if (claim !== undefined) {
      vm.occupy();
      return claim.give(vm);
    }
    this.#ready.push(vm);
    void vm.lost.then((error) => this.#dropIdle(vm, error.message));
    return undefined;
  }

  /** Replaces a clone that died or fell silent while it waited. */
  #dropIdle(vm: VirtualMachine, reason: string): void {
    const index = this.#ready.indexOf(vm);
    if (index < 0) return;
    this.#ready.splice(index, 1);
    this.#options.logger.info({ vm_id: vm.id, reason }, 'an idle clone is let go of');
    this.#run(() => vm.destroy());
    this.refill();
  }

  /** Replaces silent and old clones, and lets go of those that demand no longer asks for. */
  async #checkIdle(): Promise<void> {
    for (const vm of this.readyClones()) if (!(await vm.answers())) this.#dropIdle(vm, 'its agent does not answer');
    const [oldest] = this.#ready;
    if (oldest === undefined) return;
    await this.#measure(oldest);
    const ageMs = this.#options.clock.now() - oldest.createdAt.getTime();
    if (this.#ready.length > this.#target()) this.#dropIdle(oldest, 'fewer clones are needed');
    else if (ageMs > this.#options.maxAgeMs) this.#dropIdle(oldest, 'it waited for long');
  }

  async #measure(vm: VirtualMachine): Promise<void> {
    try {
      this.#cloneBytes = Math.max(1, (await vm.memory()).proportionalBytes);
    } catch (error) {
      // It died or was claimed and ended meanwhile; the next check measures another.
      this.#options.logger.debug({ err: error }, 'an idle clone could not be measured');
    }
  }

  /** Waits longer after each failure, and has the template built again when failures go on. */
  async #recover(error: BigboxError): Promise<void> {
    this.#failures += 1;
    this.#problem = error.message;
    this.#options.logger.error({ err: error, failures: this.#failures }, 'a clone could not be started');
    if (this.#failures >= sickAfter || error.code === 'VM_SNAPSHOT_FAILED') {
      await this.#waiting.discard();
      await this.#options.template.discard(error.message).catch((cause: Error) => (this.#problem = cause.message));
    }
    const claim = this.#failures >= sickAfter ? this.#claims.shift() : undefined;
    if (claim !== undefined) this.#run(() => this.#serveCold(claim, error));
    await this.#pause(Math.min(firstPauseMs * 2 ** this.#failures, longestPauseMs));
  }

  /** With a sick template a machine is booted for the claim, which takes seconds. */
  async #serveCold(claim: Claim, sick: BigboxError): Promise<void> {
    try {
      const vm = await VirtualMachine.boot(await this.#options.template.boot(), this.#options.clock);
      vm.occupy();
      claim.give(vm);
    } catch (cause) {
      const error = toBigboxError(cause);
      claim.refuse(
        new BigboxError('VM_UNAVAILABLE', {
          message: `No VM could be started: ${sick.message} Nor could one be booted: ${error.message}`,
          context: error.context,
          cause,
        }),
      );
    }
  }

  async #pause(ms: number): Promise<void> {
    this.#paused = true;
    await this.#options.clock.sleep(ms, this.#stopped.signal).catch(() => undefined);
    this.#paused = false;
  }

  #assertOpen(): void {
    if (this.#stopped.signal.aborted) throw shuttingDown();
  }
}

const shuttingDown = (): BigboxError => new BigboxError('SHUTTING_DOWN', { message: 'The VM service is stopping.' });
