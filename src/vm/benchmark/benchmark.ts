import { readFileSync } from 'node:fs';
import { VmBenchmark } from '../../contracts/capabilities.ts';
import { BigboxError } from '../../contracts/errors.ts';
import { writeFileAtomically } from '../../lib/files.ts';
import type { Logger } from '../../lib/log.ts';
import { type MeasuredParts, type Times, measure } from './measure.ts';

export interface BenchmarkOptions extends MeasuredParts {
  /** Where the last result is kept. */
  readonly path: string;
  readonly logger: Logger;
}

/** The facts that a result is only comparable under. */
type Circumstances = Omit<VmBenchmark, 'at' | 'duration_ms' | 'figures'>;

/** Measures the service by using it, on demand, and keeps the last result. */
export class Benchmark {
  readonly #options: BenchmarkOptions;
  #last: VmBenchmark | undefined;
  #isRunning = false;

  constructor(options: BenchmarkOptions) {
    this.#options = options;
    this.#last = readLast(options);
  }

  /** The last result of this machine; undefined before the first. */
  get last(): VmBenchmark | undefined {
    return this.#last;
  }

  /** Throws CONFLICT while another one runs, and what making and using a VM throws. */
  async run(rounds: number, circumstances: Circumstances, signal: AbortSignal): Promise<VmBenchmark> {
    if (this.#isRunning)
      throw new BigboxError('CONFLICT', {
        message: 'A benchmark runs already; two at once would measure each other.',
        remedy: 'Wait until it has ended.',
      });
    this.#isRunning = true;
    const { clock, path } = this.#options;
    const beganAt = clock.monotonic();
    try {
      const times = await measure(this.#options, rounds, signal);
      const at = new Date(clock.now()).toISOString();
      const result = {
        at,
        duration_ms: round(clock.monotonic() - beganAt),
        ...circumstances,
        figures: toFigures(times),
      };
      await writeFileAtomically(path, JSON.stringify(result));
      this.#last = result;
      return result;
    } finally {
      this.#isRunning = false;
    }
  }
}

const round = (ms: number): number => Math.round(ms * 10) / 10;

/** Of an even number of times the later one in the middle: a median that really was measured. */
export const toFigures = (times: Times): VmBenchmark['figures'] =>
  [...times].map(([name, all]) => {
    const sorted = all.toSorted((left, right) => left - right);
    const at = (index: number): number => round(sorted[index] ?? 0);
    return {
      name,
      rounds: sorted.length,
      p50_ms: at(Math.floor(sorted.length / 2)),
      min_ms: at(0),
      max_ms: at(sorted.length - 1),
    };
  });

function readLast({ path, logger }: BenchmarkOptions): VmBenchmark | undefined {
  try {
    return VmBenchmark.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
      logger.warn({ path, err: error }, 'the last benchmark cannot be read; it counts as not measured');
    return undefined;
  }
}
