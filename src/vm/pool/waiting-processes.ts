import type { Logger } from '../../lib/log.ts';
import type { WaitingMachine } from '../../vmm/index.ts';

export interface WaitingProcessesOptions {
  /** How many are kept. */
  readonly count: number;
  /** Starts one, when it is its turn. */
  readonly prelaunch: () => Promise<WaitingMachine>;
  readonly logger: Logger;
}

/** VMM processes that were started ahead of the next restores and wait without a guest. */
export class WaitingProcesses {
  readonly #options: WaitingProcessesOptions;
  readonly #waiting: WaitingMachine[] = [];
  readonly #running = new Set<Promise<void>>();
  #starting = 0;
  #isClosed = false;

  constructor(options: WaitingProcessesOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** Hands one over; the caller restores or destroys it. */
  take(): WaitingMachine | undefined {
    return this.#waiting.shift();
  }

  /** Starts what is missing. */
  refill(): void {
    if (this.#isClosed) return;
    while (this.#waiting.length + this.#starting < this.#options.count) this.#run(this.#startOne());
  }

  /** Ends those that wait, for their template is sick. */
  async discard(): Promise<void> {
    await Promise.all(this.#waiting.splice(0).map((machine) => machine.destroy()));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    while (this.#running.size > 0) await Promise.all(this.#running);
    await this.discard();
  }

  #run(work: Promise<void>): void {
    const running = work.finally(() => this.#running.delete(running));
    this.#running.add(running);
  }

  async #startOne(): Promise<void> {
    this.#starting += 1;
    try {
      this.#keep(await this.#options.prelaunch());
    } catch (error) {
      // The next start meets the same fault and reports it; this was only done ahead of it.
      this.#options.logger.debug({ err: error }, 'no process could be started ahead');
    } finally {
      this.#starting -= 1;
    }
  }

  #keep(machine: WaitingMachine): void {
    this.#waiting.push(machine);
    void machine.exited.then(() => {
      const index = this.#waiting.indexOf(machine);
      if (index < 0) return;
      this.#waiting.splice(index, 1);
      this.#run(machine.destroy());
      this.refill();
    });
  }
}
