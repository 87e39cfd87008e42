interface Held {
  readonly controller: AbortController;
  holders: number;
}

/** One abort signal for each run that is worked on in this process, shared by everything that works on it. */
export class RunSignals {
  readonly #held = new Map<string, Held>();
  #closed: Error | undefined;

  /** Holds the signal of a run while the work goes on. Throws the reason of `close` after it. */
  async hold<TValue>(runId: string, work: (signal: AbortSignal) => Promise<TValue>): Promise<TValue> {
    if (this.#closed !== undefined) throw this.#closed;
    const held = this.#held.get(runId) ?? { controller: new AbortController(), holders: 0 };
    this.#held.set(runId, held);
    held.holders += 1;
    try {
      return await work(held.controller.signal);
    } finally {
      held.holders -= 1;
      if (held.holders === 0) this.#held.delete(runId);
    }
  }

  abort(runId: string, reason: Error): void {
    this.#held.get(runId)?.controller.abort(reason);
  }

  close(reason: Error): void {
    this.#closed = reason;
    for (const { controller } of this.#held.values()) controller.abort(reason);
  }
}
