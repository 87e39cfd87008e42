import { draftAnswer, reviseAnswer, synthesise } from '../../agents/index.ts';
import { toLanguage } from '../../contracts/execution.ts';
import type { RunsOptions } from '../../workflows/index.ts';

/** Makes of the agents the calls that the parallel pattern asks for. */
export const agentCalls: RunsOptions['agents'] = {
  async *draft(brief, options) {
    for await (const event of draftAnswer({ ...brief, ...options })) {
      if (event.type === 'text-delta') {
        yield event;
        continue;
      }
      const codeBlocks = event.draft.codeBlocks.flatMap(({ code, language: name }) => {
        const language = toLanguage(name);
        return language === undefined ? [] : [{ language, code }];
      });
      yield { type: 'finished', result: { answer: event.draft.answer, codeBlocks }, usage: event.usage };
    }
  },
  async *revise({ runs, ...brief }, options) {
    for await (const event of reviseAnswer({ ...brief, ...options, codeRuns: runs }))
      if (event.type === 'text-delta') yield event;
      else yield { type: 'finished', result: event.answer, usage: event.usage };
  },
  async *synthesise({ topic, answers }, options) {
    for await (const event of synthesise({ topic, answers, ...options }))
      if (event.type === 'text-delta') yield event;
      else yield { type: 'finished', result: event.synthesis, usage: event.usage };
  },
};
