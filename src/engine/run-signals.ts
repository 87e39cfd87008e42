interface Held {
  readonly controller: AbortController;
  holders: number;
}

/** One abort signal for each run that is worked on in this process, shared by everything that works on it. */
export class RunSignals {
  readonly #held = new Map<string, Held>();
  readonly #work = new Set<Promise<unknown>>();
  #closed: Error | undefined;

  /** Holds the signal of a run while the work goes on. Throws the reason of `close` after it. */
  async hold<TValue>(runId: string, work: (signal: AbortSignal) => Promise<TValue>): Promise<TValue> {
    if (this.#closed !== undefined) throw this.#closed;
    const held = this.#held.get(runId) ?? { controller: new AbortController(), holders: 0 };
    this.#held.set(runId, held);
    held.holders += 1;
    const working = work(held.controller.signal);
    this.#work.add(working);
    try {
      return await working;
    } finally {
      this.#work.delete(working);
      held.holders -= 1;
      if (held.holders === 0) this.#held.delete(runId);
    }
  }

  /** Resolves when nothing is worked on any more. */
  async idle(): Promise<void> {
    await Promise.allSettled(this.#work);
  }

  abort(runId: string, reason: Error): void {
    this.#held.get(runId)?.controller.abort(reason);
  }

  close(reason: Error): void {
    this.#closed = reason;
    for (const { controller } of this.#held.values()) controller.abort(reason);
  }
}
