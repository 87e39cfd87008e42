import type { StepRow } from '../../../store/index.ts';

/** The paths of the pattern's steps, as events and the trace show them. */
export const paths = {
  answer: (perspective: string): string => `perspectives/${perspective}/answer`,
  code: (perspective: string, execution: number): string => `perspectives/${perspective}/code/${execution}`,
  revision: (perspective: string): string => `perspectives/${perspective}/revision`,
  synthesis: 'synthesis',
} as const;

/** The agent name of the synthesis. */
export const synthesisAgent = 'synthesis';

/** The recorded steps of one perspective. */
export const stepsOf = (steps: readonly StepRow[], perspective: string): readonly StepRow[] =>
  steps.filter((step) => step.agent === perspective);
