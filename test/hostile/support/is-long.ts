import { processEnvironment } from '../../../src/config/index.ts';

/** Whether `bigbox test --long` asked for the repetitions that take long. */
export const isLong = processEnvironment()['BIGBOX_TEST_LONG'] === '1';
