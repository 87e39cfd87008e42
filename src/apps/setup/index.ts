export { runSteps } from './run-steps.ts';
export type { SetupStepName, Step, StepContext, StepEvent, StepProgress } from './step.ts';
