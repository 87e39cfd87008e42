export { type CodeBlock, extractCodeBlocks } from './code-blocks.ts';
export { draftAnswer, type Draft, type DraftEvent, type DraftRequest } from './draft-answer.ts';
export { answerToMarkdown, synthesisToMarkdown } from './markdown.ts';
export { reviseAnswer, type ReviseEvent, type ReviseRequest } from './revise-answer.ts';
export type { AgentDelta } from './structured-call.ts';
export { synthesise, type SynthesisEvent, type SynthesisRequest } from './synthesise.ts';
