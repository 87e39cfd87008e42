import { processEnvironment } from '../../src/config/index.ts';

const isShort = processEnvironment()['BIGBOX_BENCH_SHORT'] === '1';

/** How often to measure: all rounds, or a tenth of them where somebody only wants to see that it runs. */
export const rounds = (count: number): number => (isShort ? Math.max(1, Math.round(count / 10)) : count);
