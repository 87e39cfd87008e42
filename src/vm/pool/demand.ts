/** Claims older than this say nothing about the next ones. */
const memoryMs = 600_000;
/** How much the latest start counts against those before. */
const weightOfLatest = 0.3;
const firstGuessMs = 1000;

interface Burst {
  readonly atMs: number;
  readonly claims: number;
}

/**
 * Remembers when clones were claimed and how long a start takes, and says how many would have had to wait ready so that nobody waited:
 * the most claims that came within the time of one start, over the last ten minutes. Times are monotonic milliseconds.
 */
export class Demand {
  /** Claims within the time of one start. */
  readonly #recent: number[] = [];
  /** Bursts that no later one was as large as, the largest first. */
  readonly #bursts: Burst[] = [];
  #startMs = firstGuessMs;

  claimed(nowMs: number): void {
    this.#recent.push(nowMs);
    while ((this.#recent[0] ?? nowMs) < nowMs - this.#startMs) this.#recent.shift();
    const burst = { atMs: nowMs, claims: this.#recent.length };
    while ((this.#bursts.at(-1)?.claims ?? Number.POSITIVE_INFINITY) <= burst.claims) this.#bursts.pop();
    this.#bursts.push(burst);
  }

  /** A start took so long, from the wish to the clone. */
  started(durationMs: number): void {
    this.#startMs += weightOfLatest * (durationMs - this.#startMs);
  }

  /** The largest burst that is remembered. */
  peak(nowMs: number): number {
    while ((this.#bursts[0]?.atMs ?? nowMs) < nowMs - memoryMs) this.#bursts.shift();
    return this.#bursts[0]?.claims ?? 0;
  }
}
