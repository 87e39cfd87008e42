import type { Clock } from '../../lib/clock.ts';

/** The moment at which something happens to a VM unless it is moved or taken away before. */
export class VmDeadline {
  readonly #clock: Clock;
  readonly #onPassed: () => void;
  #at: number | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(clock: Clock, onPassed: () => void) {
    this.#clock = clock;
    this.#onPassed = onPassed;
  }

  /** Absent while there is none, and once it has passed. */
  get at(): Date | undefined {
    return this.#at === undefined ? undefined : new Date(this.#at);
  }

  /** Sets it `ms` from now; at most 24 days, which timers can count. */
  set(ms: number): void {
    this.#begin(this.#clock.now() + ms, ms);
  }

  /** Sets it to exactly the moment that was told before; one that is past comes at once. */
  setAt(moment: Date): void {
    this.#begin(moment.getTime(), Math.max(0, moment.getTime() - this.#clock.now()));
  }

  /** Moves it to `ms` from now where that is later; where there is none it stays so. Gives whether it was moved. */
  extend(ms: number): boolean {
    const moves = this.#at !== undefined && this.#clock.now() + ms > this.#at;
    if (moves) this.set(ms);
    return moves;
  }

  clear(): void {
    clearTimeout(this.#timer);
    this.#at = undefined;
  }

  #begin(at: number, ms: number): void {
    this.clear();
    this.#at = at;
    this.#timer = setTimeout(() => {
      this.#at = undefined;
      this.#onPassed();
    }, ms);
    this.#timer.unref();
  }
}
