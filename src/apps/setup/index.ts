export { ensureModel, listModels, removeModel } from '../../llm/store/index.ts';
export { type Machine, inspectMachine, requireDisk, requireFreePort } from './machine.ts';
export { modelSources } from './model-sources.ts';
export { type PackageWish, type SystemPackage, downloadSize, findMissingPackages, testPackages } from './packages.ts';
export { runSteps } from './run-steps.ts';
export { serviceSteps } from './service-steps.ts';
export type { SetupStepName, Step, StepContext, StepEvent, StepProgress } from './step.ts';
export { type SetupOptions, setupSteps } from './steps.ts';
