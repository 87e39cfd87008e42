export { fastestThreads } from './calibrate.ts';
export { EmbeddedModel, type EmbeddedModelOptions, type GenerationWatcher } from './model.ts';
export { type GovernorOptions, ThreadGovernor } from './thread-governor.ts';
export {
  type GenerationEvent,
  GenerationRequest,
  GenerationResult,
  LoadedModelFacts,
  type Message,
  ThreadSpeed,
} from './types.ts';
