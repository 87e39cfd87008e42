import type { TestVmService } from '../../fixtures/vm-service.ts';
import { VmInService } from './vm-in-service.ts';

export interface Latency {
  readonly count: number;
  readonly p50_ms: number;
  readonly p99_ms: number;
}

const undisturbedExecs = 40;

/** A VM of somebody who only wants to work, beside a guest that attacks. */
export class Bystander {
  readonly #vm: VmInService;
  readonly report: Record<string, Latency> = {};

  private constructor(vm: VmInService) {
    this.#vm = vm;
  }

  /** Makes the VM and measures it while nobody attacks. */
  static async settle(service: TestVmService): Promise<Bystander> {
    const bystander = new Bystander(await VmInService.make(service));
    for (let count = 0; count < 3; count += 1) await bystander.#work();
    const times: number[] = [];
    while (times.length < undisturbedExecs) times.push(await bystander.#work());
    bystander.report['undisturbed'] = summarise(times);
    return bystander;
  }

  /** Works on while an attack runs; whatever the attack does, each of its programs must end well. Throws where one does not. */
  async during<TValue>(attack: string, work: () => Promise<TValue>): Promise<TValue> {
    let isOver = false;
    const times: number[] = [];
    const working = (async (): Promise<void> => {
      do times.push(await this.#work());
      while (!isOver);
    })();
    try {
      return await work();
    } finally {
      isOver = true;
      await working;
      this.report[attack] = summarise(times);
    }
  }

  async #work(): Promise<number> {
    const startedAt = performance.now();
    const { exit_code: code } = await this.#vm.exec('true');
    if (code !== 0) throw new Error(`a bystander's program ended with ${code}`);
    return performance.now() - startedAt;
  }
}

function summarise(times: readonly number[]): Latency {
  const sorted = times.toSorted((left, right) => left - right);
  const at = (share: number): number => Math.round((sorted[Math.floor(sorted.length * share)] ?? 0) * 10) / 10;
  return { count: sorted.length, p50_ms: at(0.5), p99_ms: at(0.99) };
}
