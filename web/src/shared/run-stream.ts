import { useEffect, useMemo, useSyncExternalStore } from 'react';
import { RunEvent } from '../../../src/contracts/runs.ts';
import { ApiError, eventsUrl, readRun } from './api.ts';
import { type RunView, addEvent, emptyRun, isEnded } from './run-view.ts';

/** What a page knows of a run that it follows. */
export interface FollowedRun {
  readonly view: RunView;
  readonly events: readonly RunEvent[];
  readonly connection: 'connecting' | 'live' | 'lost' | 'ended';
  /** Set when the server refuses to show the run, or sends what this page does not understand. */
  readonly fault?: Error;
}

const flushMs = 60;
const retryMs = 1500;

/** Follows the events of one run: all that are recorded, then live, over lost connections, until the run has ended. */
class RunStream {
  readonly #id: string;
  readonly #listeners = new Set<() => void>();
  #state: FollowedRun;
  #source: EventSource | undefined;
  #waiting: RunEvent[] = [];
  #flush: ReturnType<typeof setTimeout> | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;

  constructor(id: string) {
    this.#id = id;
    this.#state = { view: emptyRun(id), events: [], connection: 'connecting' };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  readonly snapshot = (): FollowedRun => this.#state;

  open(): void {
    if (this.#state.connection === 'ended' || this.#state.fault !== undefined) return;
    const source = new EventSource(eventsUrl(this.#id, this.#lastSequence()));
    this.#source = source;
    source.addEventListener('open', () => this.#change({ connection: 'live' }));
    source.addEventListener('message', (message: MessageEvent<string>) => this.#receive(message.data));
    source.addEventListener('error', () => void this.#reconnect());
  }

  close(): void {
    this.#source?.close();
    clearTimeout(this.#flush);
    clearTimeout(this.#retry);
    this.#apply();
  }

  #lastSequence(): number {
    return this.#waiting.at(-1)?.sequence ?? this.#state.view.lastSequence;
  }

  #receive(data: string): void {
    const parsed = RunEvent.safeParse(JSON.parse(data));
    if (!parsed.success) {
      this.#source?.close();
      return this.#change({ fault: parsed.error });
    }
    const event = parsed.data as RunEvent;
    if (event.sequence <= this.#lastSequence()) return;
    this.#waiting.push(event);
    this.#flush ??= setTimeout(() => this.#apply(), flushMs);
    if (event.type === 'run-finished') this.#source?.close();
  }

  /** Events come many a second: the page is drawn once for all that came within a blink. */
  #apply(): void {
    this.#flush = undefined;
    if (this.#waiting.length === 0) return;
    const view = this.#waiting.reduce(addEvent, this.#state.view);
    const events = [...this.#state.events, ...this.#waiting];
    this.#waiting = [];
    this.#change({ view, events, connection: isEnded(view.status) ? 'ended' : this.#state.connection });
  }

  /** The stream broke: asks whether the run may be seen at all, then opens it again behind the last event that came. */
  async #reconnect(): Promise<void> {
    this.#source?.close();
    this.#apply();
    if (this.#state.connection === 'ended') return;
    this.#change({ connection: 'lost' });
    try {
      await readRun(this.#id);
    } catch (error) {
      if (error instanceof ApiError && error.body.retry !== 'later') return this.#change({ fault: error });
    }
    clearTimeout(this.#retry);
    this.#retry = setTimeout(() => this.open(), retryMs);
  }

  #change(change: Partial<FollowedRun>): void {
    this.#state = { ...this.#state, ...change };
    for (const listener of this.#listeners) listener();
  }
}

/** Follows a run for as long as the component is shown. */
export function useRunStream(id: string): FollowedRun {
  const stream = useMemo(() => new RunStream(id), [id]);
  useEffect(() => {
    stream.open();
    return () => stream.close();
  }, [stream]);
  return useSyncExternalStore(stream.subscribe, stream.snapshot);
}
