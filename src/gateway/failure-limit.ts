import { BigboxError } from '../contracts/errors.ts';
import type { Clock } from '../lib/clock.ts';

const windowMs = 60_000;
const maxFailures = 20;
const maxCallers = 10_000;

/** Counts failed attempts of each caller over the last minute. */
export class FailureLimit {
  readonly #clock: Clock;
  readonly #failures = new Map<string, number[]>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Throws LIMIT_EXCEEDED when the caller failed too often within the last minute. */
  check(caller: string): void {
    const since = this.#clock.monotonic() - windowMs;
    const recent = (this.#failures.get(caller) ?? []).filter((at) => at > since);
    if (recent.length === 0) this.#failures.delete(caller);
    else this.#failures.set(caller, recent);
    if (recent.length < maxFailures) return;
    throw new BigboxError('LIMIT_EXCEEDED', {
      message: `There were ${recent.length} failed logins within a minute, the most that is allowed.`,
      context: { limit: maxFailures },
      remedy: 'Wait a minute.',
    });
  }

  add(caller: string): void {
    if (this.#failures.size >= maxCallers) this.#failures.clear();
    this.#failures.set(caller, [...(this.#failures.get(caller) ?? []), this.#clock.monotonic()]);
  }
}
