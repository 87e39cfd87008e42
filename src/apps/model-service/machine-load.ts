import { cpus } from 'node:os';

interface Ticks {
  readonly busy: number;
  readonly at: number;
}

function readTicks(): Ticks {
  let busy = 0;
  for (const { times } of cpus()) busy += times.user + times.nice + times.sys + times.irq;
  return { busy, at: performance.now() };
}

/** Measures how many cores of the machine were busy since the last question. */
export class MachineLoad {
  #last = readTicks();

  take(): number {
    const now = readTicks();
    const elapsed = now.at - this.#last.at;
    const busy = elapsed <= 0 ? 0 : (now.busy - this.#last.busy) / elapsed;
    this.#last = now;
    return busy;
  }
}
