import type { TokenUsage } from '../../../src/contracts/analysis.ts';
import { type RunView, type StepView, synthesisAgent } from './run-view.ts';

/** Finished steps of all steps known so far; every agent counts for one step before its first has started. */
export function countSteps(view: RunView): { readonly finished: number; readonly total: number } {
  const steps = Object.values(view.steps);
  const begun = new Set(steps.map((step) => step.agent));
  const agents = [...view.perspectives, synthesisAgent];
  const expected = view.perspectives.length === 0 ? 0 : agents.filter((agent) => !begun.has(agent)).length;
  return {
    finished: steps.filter((step) => step.state !== 'running').length,
    total: steps.length + expected,
  };
}

const tokensOf = (step: StepView): TokenUsage => step.usage ?? { input: 0, output: step.streamedTokens };

const add = (one: TokenUsage, other: TokenUsage): TokenUsage => ({
  input: one.input + other.input,
  output: one.output + other.output,
});

/** Tokens of one agent, or of the whole run: as reported where a call has ended, as streamed where it still runs. */
export function countTokens(view: RunView, agent?: string): TokenUsage {
  return Object.values(view.steps)
    .filter((step) => agent === undefined || step.agent === agent)
    .map(tokensOf)
    .reduce(add, { input: 0, output: 0 });
}

/** How many perspectives have ended, with or without an answer. */
export const countSettled = (view: RunView): number =>
  view.perspectives.filter((agent) => {
    const state = view.lanes[agent]?.state;
    return state === 'done' || state === 'failed' || state === 'cancelled';
  }).length;
