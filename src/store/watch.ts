import { abortable } from '../lib/async.ts';

/** Tells readers that something of a topic was committed, without saying what: they read the records from where they stopped. */
export class Watchers {
  readonly #topics = new Map<string, Set<Watch>>();

  /** Starts to watch; a change from now on makes the next `changed()` resolve, also when it comes before the call. */
  open(topic: string): Watch {
    const watches = this.#topics.get(topic) ?? new Set();
    this.#topics.set(topic, watches);
    const watch = new Watch(() => {
      watches.delete(watch);
      if (watches.size === 0) this.#topics.delete(topic);
    });
    watches.add(watch);
    return watch;
  }

  notify(topic: string): void {
    for (const watch of this.#topics.get(topic) ?? []) watch.notify();
  }
}

export class Watch implements Disposable {
  readonly #close: () => void;
  #next = Promise.withResolvers<void>();

  constructor(close: () => void) {
    this.#close = close;
  }

  notify(): void {
    this.#next.resolve();
  }

  /** Resolves when something has changed since the last call. Throws the signal's reason when aborted. */
  async changed(signal: AbortSignal): Promise<void> {
    await abortable(this.#next.promise, signal);
    this.#next = Promise.withResolvers<void>();
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}
