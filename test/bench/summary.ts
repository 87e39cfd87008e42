/** Samples of one thing that was measured several times. */
export interface Summary {
  readonly count: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
}

export type Samples = Record<string, number[]>;

export const round = (value: number): number => Math.round(value * 100) / 100;

export function summarise(values: readonly number[]): Summary {
  const sorted = values.toSorted((left, right) => left - right);
  const at = (share: number): number =>
    round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99) };
}

export function addSample(samples: Samples, name: string, value: number): void {
  (samples[name] ??= []).push(value);
}

/** Adds how many milliseconds the work took. */
export async function timed<TValue>(samples: Samples, name: string, work: () => Promise<TValue>): Promise<TValue> {
  const startedAt = performance.now();
  const value = await work();
  addSample(samples, name, performance.now() - startedAt);
  return value;
}
