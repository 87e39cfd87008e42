import type { CodeRun, PerspectiveAnswer } from '../../../contracts/analysis.ts';
import type { ErrorBody } from '../../../contracts/errors.ts';
import type { StepRow } from '../../../store/index.ts';
import type { Draft } from './agent-calls.ts';
import { paths } from './paths.ts';

export type PerspectiveOutcome =
  | { readonly perspective: string; readonly state: 'completed'; readonly answer: PerspectiveAnswer }
  | { readonly perspective: string; readonly state: 'failed'; readonly error: ErrorBody }
  | { readonly perspective: string; readonly state: 'open' };

/** The answer that stands when there is no revision: the draft with the code that did run. */
export const withoutRevision = (draft: PerspectiveAnswer, runs: readonly CodeRun[]): PerspectiveAnswer => ({
  ...draft,
  code_runs: [...runs],
  revised: false,
});

/** Reads from the recorded steps what a perspective came to. */
export function readOutcome(steps: readonly StepRow[], perspective: string): PerspectiveOutcome {
  const find = (path: string): StepRow | undefined => steps.find((step) => step.path === path);
  const draft = find(paths.answer(perspective));
  if (draft?.state === 'failed' && draft.error !== undefined)
    return { perspective, state: 'failed', error: draft.error };
  if (draft?.state !== 'completed') return { perspective, state: 'open' };
  const { answer, codeBlocks } = draft.result as Draft;
  const runs = codeBlocks
    .map((_block, index) => find(paths.code(perspective, index + 1)))
    .filter((step) => step?.state === 'completed')
    .map((step) => step?.result as CodeRun);
  const revision = find(paths.revision(perspective));
  return {
    perspective,
    state: 'completed',
    answer: revision?.state === 'completed' ? (revision.result as PerspectiveAnswer) : withoutRevision(answer, runs),
  };
}
