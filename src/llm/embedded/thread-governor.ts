import type { Clock } from '../../lib/clock.ts';
import { fastestThreads } from './calibrate.ts';
import type { ThreadSpeed } from './types.ts';

export interface GovernorOptions {
  readonly cores: number;
  readonly clock: Clock;
}

/** What is known about one past stretch of time. */
export interface MachineSample {
  /** Cores that other processes kept busy, on average. */
  readonly otherBusyCores: number;
  /** Tokens written per second while no prompt was being read; absent when nothing was written. */
  readonly tokensPerSecond?: number;
}

const quietMs = 5_000;
const longestBackoffMs = 120_000;

/**
 * Decides with how many threads llama.cpp works. Its threads wait for each other in a busy loop: one that has to share its core
 * slows all of them to a crawl. So it takes one thread while somebody holds a lease (a VM is starting), as many as
 * others leave free otherwise, one as soon as the speed collapses, and goes back when the machine has been quiet for a while.
 */
export class ThreadGovernor {
  readonly #options: GovernorOptions;
  readonly #leases = new Map<string, number>();
  #idealThreads: number;
  /** Speed of one sequence with one thread on a quiet machine; 0 until it was measured. */
  #oneThreadSpeed = 0;
  #threads: number;
  #quietSince: number;
  #notBefore = 0;
  #backoffMs = quietMs;

  constructor(options: GovernorOptions) {
    this.#options = options;
    this.#idealThreads = options.cores;
    this.#threads = options.cores;
    this.#quietSince = options.clock.monotonic();
  }

  /** The number of threads on a quiet machine. */
  get idealThreads(): number {
    return this.#idealThreads;
  }

  /**
   * Takes over what was measured of the model that is loaded now. What was measured while others used the cores says how to
   * begin, not what a quiet machine allows.
   */
  calibrate(speeds: readonly ThreadSpeed[], machineWasQuiet: boolean): void {
    const fastest = fastestThreads(speeds);
    this.#idealThreads = machineWasQuiet ? fastest : this.#options.cores;
    this.#oneThreadSpeed = speeds.find((speed) => speed.threads === 1)?.outputTokensPerSecond ?? 0;
    this.#threads = fastest;
  }

  /** The number of threads to use now. */
  get threads(): number {
    return this.#heldLeases().length > 0 ? 1 : this.#threads;
  }

  /** Who asks for the cores, and for how many more milliseconds. */
  get leases(): readonly { readonly holder: string; readonly milliseconds: number }[] {
    const now = this.#options.clock.monotonic();
    return this.#heldLeases().map(([holder, until]) => ({ holder, milliseconds: Math.ceil(until - now) }));
  }

  /** Grants the cores to a holder for a time, from now; 0 gives them back. */
  lease(holder: string, milliseconds: number): void {
    if (milliseconds <= 0) this.#leases.delete(holder);
    else this.#leases.set(holder, this.#options.clock.monotonic() + milliseconds);
  }

  /** Milliseconds until the next lease ends by itself; undefined when none is held. */
  nextExpiryMs(): number | undefined {
    const ends = this.leases.map((lease) => lease.milliseconds);
    return ends.length === 0 ? undefined : Math.min(...ends);
  }

  /** Takes note of the last stretch of time and decides anew. */
  observe(sample: MachineSample): void {
    const now = this.#options.clock.monotonic();
    const free = Math.max(1, Math.floor(this.#options.cores - sample.otherBusyCores + 0.5));
    if (this.#hasCollapsed(sample)) this.#retreat(now);
    else if (free < this.#threads) this.#shrinkTo(free, now);
    else if (free <= this.#threads) this.#quietSince = now;
    else if (this.#mayGrow(now)) this.#threads = Math.min(this.#idealThreads, free);
  }

  #heldLeases(): readonly (readonly [string, number])[] {
    const now = this.#options.clock.monotonic();
    for (const [holder, until] of this.#leases) if (until <= now) this.#leases.delete(holder);
    return [...this.#leases];
  }

  #hasCollapsed({ tokensPerSecond }: MachineSample): boolean {
    return this.threads > 1 && tokensPerSecond !== undefined && tokensPerSecond < this.#oneThreadSpeed * 0.5;
  }

  /** A collapse that comes again soon after the last makes the wait for the next try longer. */
  #retreat(now: number): void {
    this.#backoffMs =
      now - this.#notBefore < longestBackoffMs ? Math.min(this.#backoffMs * 2, longestBackoffMs) : quietMs;
    this.#notBefore = now + this.#backoffMs;
    this.#shrinkTo(1, now);
  }

  #shrinkTo(threads: number, now: number): void {
    this.#threads = threads;
    this.#quietSince = now;
  }

  #mayGrow(now: number): boolean {
    return this.#threads < this.#idealThreads && now - this.#quietSince >= quietMs && now >= this.#notBefore;
  }
}
