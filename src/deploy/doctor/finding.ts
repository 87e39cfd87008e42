/**
 * What one check of a machine found. `problem`: something does not work. `advice`: it works, and could be safer or faster.
 * `unknown`: it cannot be told here.
 */
export interface Finding {
  readonly check: string;
  readonly state: 'ok' | 'advice' | 'problem' | 'unknown';
  /** What is there, with numbers. */
  readonly finding: string;
  /** What to do; absent where there is nothing to do. */
  readonly remedy?: string;
}

/** Gives a finding; the remedy is left out where there is nothing to do. */
export const toFinding = (
  check: string,
  state: Finding['state'],
  ...[finding, remedy]: readonly [finding: string, remedy?: string]
): Finding => ({ check, state, finding, ...(remedy === undefined ? {} : { remedy }) });
