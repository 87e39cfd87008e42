export { type Catalog, loadCatalog } from './catalog.ts';
export { createRuns, type RunLimits, type RunsOptions } from './create-runs.ts';
export type { AgentCalls } from './patterns/parallel/agent-calls.ts';
export { agentCalls } from './patterns/parallel/agents.ts';
export type { Runs, RunsHealth, StartOptions, StartedRun } from './runs.ts';
