export {
  defineWorkflow,
  type Engine,
  type EngineHealth,
  type Receipt,
  type RunContext,
  type Workflow,
} from './engine.ts';
export { createMemoryEngine, type MemoryEngine } from './memory/memory-engine.ts';
export { type ProcessCommand, restateCommand, type RestateFiles } from './restate/command.ts';
export { ensureIdentityKey } from './restate/identity.ts';
export { createRestateEngine, type RestateEngineOptions } from './restate/restate-engine.ts';
