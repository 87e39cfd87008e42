import type {
  PerspectiveAnswer,
  Perspective,
  Domain,
  Synthesis,
  CodeRun,
  TokenUsage,
} from '../../../contracts/analysis.ts';
import type { Language } from '../../../contracts/execution.ts';
import type { Model } from '../../../contracts/ports.ts';

export interface CodeBlock {
  readonly language: Language;
  readonly code: string;
}

/** A first answer and the code that its author wants to have run. */
export interface Draft {
  readonly answer: PerspectiveAnswer;
  readonly codeBlocks: readonly CodeBlock[];
}

/** What one model call yields: its text as it comes, then one result. */
export type CallEvent<TResult> =
  | { readonly type: 'text-delta'; readonly text: string }
  | { readonly type: 'finished'; readonly result: TResult; readonly usage: TokenUsage };

export interface CallOptions {
  readonly model: Model;
  readonly temperature: number | undefined;
  readonly signal: AbortSignal;
}

export interface Brief {
  readonly topic: string;
  readonly domains: readonly Domain[];
  readonly role: string;
  readonly overallRole: string;
}

/** The model calls of the pattern, each exactly one. */
export interface AgentCalls {
  draft(
    brief: Brief & { readonly perspective: Perspective; readonly languages: readonly Language[] },
    options: CallOptions,
  ): AsyncIterable<CallEvent<Draft>>;
  revise(
    brief: Brief & {
      readonly perspective: Perspective;
      readonly draft: Draft;
      readonly runs: readonly CodeRun[];
    },
    options: CallOptions,
  ): AsyncIterable<CallEvent<PerspectiveAnswer>>;
  synthesise(
    brief: Brief & { readonly answers: readonly PerspectiveAnswer[] },
    options: CallOptions,
  ): AsyncIterable<CallEvent<Synthesis>>;
}
