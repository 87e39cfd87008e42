interface Running {
  reading: boolean;
}

/**
 * Counts tokens per second over short stretches. A stretch in which a prompt was being read says nothing about writing and is
 * left out.
 */
export class SpeedMeter {
  readonly #running = new Map<number, Running>();
  #tokens = 0;
  #clean = true;
  #since = performance.now();
  #cpu = process.cpuUsage();

  begin(id: number): void {
    this.#running.set(id, { reading: true });
    this.#clean = false;
  }

  count(id: number, tokens: number): void {
    const running = this.#running.get(id);
    if (running !== undefined) running.reading = false;
    this.#tokens += tokens;
  }

  end(id: number): void {
    this.#running.delete(id);
    // The rest of the stretch would look slower than it was.
    if (this.#running.size === 0) this.#clean = false;
  }

  /** Ends the present stretch and says what it was like. */
  take(): { readonly tokensPerSecond?: number; readonly ownBusyCores: number } {
    const now = performance.now();
    const seconds = Math.max(0.001, (now - this.#since) / 1000);
    const cpu = process.cpuUsage(this.#cpu);
    const sample = {
      ownBusyCores: (cpu.user + cpu.system) / 1e6 / seconds,
      ...(this.#clean && this.#running.size > 0 ? { tokensPerSecond: this.#tokens / seconds } : {}),
    };
    this.#tokens = 0;
    this.#since = now;
    this.#cpu = process.cpuUsage();
    this.#clean = [...this.#running.values()].every((running) => !running.reading);
    return sample;
  }
}
