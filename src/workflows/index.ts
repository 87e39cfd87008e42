export type { Runs, RunsHealth, StartOptions, StartedRun } from './runs.ts';
