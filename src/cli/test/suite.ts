import type { SetupStepName } from '../../apps/setup/index.ts';

/** What runs the tests of a suite, and so how its results are read. */
export type SuiteProgram =
  /** One command that passes or fails: one test. */
  | { readonly kind: 'check'; readonly command: readonly [string, ...string[]] }
  | {
      readonly kind: 'vitest';
      readonly project: string;
      readonly paths: readonly string[];
      /** `lab`: where KVM works, which may be a guest of its own. */
      readonly place?: 'lab';
    }
  | { readonly kind: 'cargo'; readonly directory: string };

/** A step of the set-up, or the packages that only tests need. */
export type SuiteNeed = SetupStepName | 'test packages';

/** A group of tests that runs as one process with one time limit. */
export interface Suite {
  readonly name: string;
  /** What a green run of it proves, in a few words. */
  readonly proves: string;
  readonly program: SuiteProgram;
  readonly limitMs: number;
  /** How many cores it keeps busy: a suite waits until they are free. `all` runs alone. */
  readonly cores: number | 'all';
  /** Why it runs only when it is named, or with --long. */
  readonly leftOutBecause?: string;
  /** Steps of the set-up that it needs. */
  readonly needs: readonly SuiteNeed[];
}

export interface FailedTest {
  readonly name: string;
  readonly message: string;
}

/** The counted result of a suite. */
export interface SuiteOutcome {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
  readonly failures: readonly FailedTest[];
  readonly skips: readonly FailedTest[];
}
