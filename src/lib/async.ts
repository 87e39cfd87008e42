/**
 * Settles with the promise, or rejects with the signal's reason as soon as it aborts, whichever comes first.
 * The promise itself goes on; its later failure is not reported.
 */
export function abortable<TValue>(promise: Promise<TValue>, signal: AbortSignal): Promise<TValue> {
  if (signal.aborted) {
    promise.catch(() => undefined);
    return Promise.reject(signal.reason as Error);
  }
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', onAbort, { once: true });
  return Promise.race([promise, aborted]).finally(() => signal.removeEventListener('abort', onAbort));
}

/** Lets at most `limit` holders in at once; the others wait in order. */
export class Semaphore {
  #free: number;
  readonly #waiting: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Places that can be had without waiting. */
  get free(): number {
    return this.#free;
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  /** Resolves with the function that gives the place back (calling it twice does nothing). Throws the signal's reason when aborted. */
  async acquire(signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#free > 0) this.#free -= 1;
    else await this.#queue(signal);
    let held = true;
    return () => {
      if (!held) return;
      held = false;
      const next = this.#waiting.shift();
      if (next === undefined) this.#free += 1;
      else next();
    };
  }

  async #queue(signal?: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#waiting.push(resolve);
    const onAbort = (): void => {
      const index = this.#waiting.indexOf(resolve);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      reject(signal?.reason as Error);
    };
    signal?.addEventListener('abort', onAbort, { once: true });
    try {
      await promise;
    } finally {
      signal?.removeEventListener('abort', onAbort);
    }
  }
}

/** A queue that one side fills and one `for await` empties. Ended by `end` or `fail`. */
export class AsyncQueue<TItem> implements AsyncIterable<TItem> {
  readonly #items: TItem[] = [];
  #wake: (() => void) | undefined;
  #done: { readonly error?: unknown } | undefined;

  push(item: TItem): void {
    if (this.#done !== undefined) return;
    this.#items.push(item);
    this.#wake?.();
  }

  end(): void {
    this.#done ??= {};
    this.#wake?.();
  }

  fail(error: unknown): void {
    this.#done ??= { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<TItem, void> {
    for (;;) {
      while (this.#items.length > 0) yield this.#items.shift() as TItem;
      if (this.#done !== undefined) {
        if ('error' in this.#done) throw this.#done.error;
        return;
      }
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#wake = resolve;
      await promise;
      this.#wake = undefined;
    }
  }
}
