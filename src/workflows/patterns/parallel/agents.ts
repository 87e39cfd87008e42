import {
  type AgentDelta,
  type Draft as AgentDraft,
  draftAnswer,
  reviseAnswer,
  synthesise,
} from '../../../agents/index.ts';
import type { TokenUsage } from '../../../contracts/analysis.ts';
import { toLanguage } from '../../../contracts/execution.ts';
import type { AgentCalls, CallEvent, Draft } from './agent-calls.ts';

type Finished = { readonly type: 'finished'; readonly usage: TokenUsage };

/** The model calls of Bigbox's own agents. */
export const agentCalls: AgentCalls = {
  draft: (brief, options) => toCall(draftAnswer({ ...brief, ...options }), (event) => toDraft(event.draft)),
  revise: ({ runs, ...brief }, options) =>
    toCall(reviseAnswer({ ...brief, ...options, codeRuns: runs }), (event) => event.answer),
  synthesise: ({ topic, answers }, options) =>
    toCall(synthesise({ topic, answers, ...options }), (event) => event.synthesis),
};

/** Code in languages that do not run here is left out. */
const toDraft = ({ answer, codeBlocks }: AgentDraft): Draft => ({
  answer,
  codeBlocks: codeBlocks.flatMap(({ language, code }) => {
    const known = toLanguage(language);
    return known === undefined ? [] : [{ language: known, code }];
  }),
});

async function* toCall<TFinished extends Finished, TResult>(
  events: AsyncIterable<AgentDelta | TFinished>,
  toResult: (finished: TFinished) => TResult,
): AsyncGenerator<CallEvent<TResult>, void> {
  for await (const event of events) {
    if (event.type === 'finished') yield { type: 'finished', result: toResult(event), usage: event.usage };
    else yield event;
  }
}
