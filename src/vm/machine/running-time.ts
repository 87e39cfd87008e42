/** A limit on the time that a guest runs. Whoever asked for it disposes of it. */
export interface RunningTimeout extends Disposable {
  /** Aborts with a TimeoutError when the time is used up. */
  readonly signal: AbortSignal;
}

interface Limit {
  readonly controller: AbortController;
  leftMs: number;
  timer?: NodeJS.Timeout;
  startedAt: number;
}

/** The time that one guest runs: it stands still while the guest is paused, and with it every timeout taken here. */
export class RunningTime {
  readonly #limits = new Set<Limit>();
  #isStopped = false;

  get isStopped(): boolean {
    return this.#isStopped;
  }

  timeout(ms: number): RunningTimeout {
    const limit: Limit = { controller: new AbortController(), leftMs: ms, startedAt: 0 };
    this.#limits.add(limit);
    if (!this.#isStopped) this.#start(limit);
    return {
      signal: limit.controller.signal,
      [Symbol.dispose]: () => {
        clearTimeout(limit.timer);
        this.#limits.delete(limit);
      },
    };
  }

  stop(): void {
    if (this.#isStopped) return;
    this.#isStopped = true;
    for (const limit of this.#limits) {
      clearTimeout(limit.timer);
      limit.leftMs -= performance.now() - limit.startedAt;
    }
  }

  resume(): void {
    if (!this.#isStopped) return;
    this.#isStopped = false;
    for (const limit of this.#limits) this.#start(limit);
  }

  #start(limit: Limit): void {
    limit.startedAt = performance.now();
    limit.timer = setTimeout(
      () => {
        this.#limits.delete(limit);
        limit.controller.abort(new DOMException('The running time is used up.', 'TimeoutError'));
      },
      Math.max(0, limit.leftMs),
    );
    limit.timer.unref();
  }
}
