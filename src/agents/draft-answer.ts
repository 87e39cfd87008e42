import { z } from 'zod';
import {
  Level,
  type ModelOpinion,
  type Perspective,
  type PerspectiveAnswer,
  type TokenUsage,
} from '../contracts/analysis.ts';
import { type Language, toLanguage } from '../contracts/execution.ts';
import type { Model } from '../contracts/ports.ts';
import { BigboxError } from '../contracts/errors.ts';
import type { CodeBlock } from './code-blocks.ts';
import { toPoints } from './points.ts';
import { type Assignment, toPerspectiveSystem, toTopicLines } from './prompts.ts';
import { type AgentDelta, callForStructure } from './structured-call.ts';
import { cleanStatement } from './text/index.ts';

export interface DraftRequest extends Assignment {
  readonly model: Model;
  readonly perspective: Perspective;
  /** Languages in which code may run; empty: no code is asked for. */
  readonly languages: readonly Language[];
  readonly seed?: number | undefined;
  readonly temperature?: number | undefined;
  readonly signal: AbortSignal;
}

/** An answer before its code has run. */
export interface Draft {
  readonly answer: PerspectiveAnswer;
  /** Programs that the model wants to have run, in order. */
  readonly codeBlocks: readonly CodeBlock[];
}

export type DraftEvent =
  | AgentDelta
  | { readonly type: 'finished'; readonly draft: Draft; readonly usage: TokenUsage; readonly durationMs: number };

const maxOutputTokens = 700;

/**
 * Has the model answer from one perspective, in one call. Throws what the model throws, and ANSWER_UNUSABLE when too little
 * of the answer can be printed.
 */
export async function* draftAnswer(request: DraftRequest): AsyncGenerator<DraftEvent, void> {
  const { perspective, topic } = request;
  const codeLanguages = perspective.computes === true ? request.languages : [];
  const { answer, cost } = yield* callForStructure({
    model: request.model,
    shape: toShape(codeLanguages),
    fields: liveFields,
    request: {
      system: toPerspectiveSystem(perspective, request),
      prompt: toPrompt(request, codeLanguages),
      maxOutputTokens,
      temperature: request.temperature ?? 0.5,
      signal: request.signal,
      ...(request.seed === undefined ? {} : { seed: request.seed }),
    },
  });
  const draft = {
    answer: toAnswer(answer, { perspective: perspective.id, topic }),
    codeBlocks: toCode(answer, codeLanguages),
  };
  yield { type: 'finished', draft, ...cost };
}

const liveFields = {
  summary: { style: 'paragraph' },
  key_points: { title: 'Key points', style: 'list' },
  insights: { title: 'Insights', style: 'list' },
  recommendations: { title: 'Recommendations', style: 'list' },
  program: { title: 'Calculation', style: 'code' },
} as const;

/** What the model writes. Text comes first, opinion last: a small model that has argued rates better than one that has not. */
const RawAnswer = z.object({
  summary: z.string(),
  key_points: z.array(z.string()),
  insights: z.array(z.string()),
  recommendations: z.array(z.string()),
  program_language: z.string().optional(),
  program: z.string().optional(),
  opinion: z.object({
    risk: Level,
    difficulty: Level,
    novelty: Level,
    effect_on_people: Level,
    long_term_value: Level,
    confidence: z.number(),
  }),
});
type RawAnswer = z.infer<typeof RawAnswer>;

const confidences = z.union([0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9].map((value) => z.literal(value)));

function toShape(codeLanguages: readonly Language[]): z.ZodType<RawAnswer> {
  const list = (length: number): z.ZodArray<z.ZodString> => z.array(z.string()).min(length).max(length);
  const text = { summary: z.string(), key_points: list(3), insights: list(2), recommendations: list(2) };
  const code = { program_language: z.enum(['none', ...codeLanguages]), program: z.string() };
  const opinion = RawAnswer.shape.opinion.extend({ confidence: confidences });
  return codeLanguages.length === 0 ? z.object({ ...text, opinion }) : z.object({ ...text, ...code, opinion });
}

function toPrompt(request: DraftRequest, codeLanguages: readonly Language[]): string {
  const { perspective } = request;
  const lines = [
    ...toTopicLines(request),
    '',
    `Answer from the ${perspective.name.toLowerCase()} side only. ${perspective.approach}`,
    'Give JSON:',
    '"summary": your answer to the topic in one sentence of 15 to 30 words that takes a position.',
    '"key_points": 3 different statements of 8 to 16 words. Each names one particular thing and says what happens to it.',
    '"insights": 2 statements of 8 to 16 words that most people overlook.',
    '"recommendations": 2 actions of 8 to 16 words. Each begins with a verb and says who should do it.',
  ];
  if (codeLanguages.length > 0)
    lines.push(
      '"program": if a small calculation helps, a complete program of at most 15 lines that sets example figures, computes and prints one result with a label; else "" and "program_language" "none".',
    );
  lines.push('"opinion": how you rate the idea.');
  return lines.join('\n');
}

interface AnswerContext {
  readonly perspective: string;
  readonly topic: string;
}

function toAnswer(raw: RawAnswer, { perspective, topic }: AnswerContext): PerspectiveAnswer {
  const lists = toPoints(raw, { perspective, topic });
  const summary = cleanStatement(raw.summary, topic) || (lists.key_points[0]?.text ?? '');
  const statements = lists.key_points.length + lists.insights.length + lists.recommendations.length;
  if (summary === '' || statements < 2)
    throw new BigboxError('ANSWER_UNUSABLE', {
      message: `Only ${statements} statements of the ${perspective} answer can be printed.`,
      context: { perspective, statements },
    });
  return { perspective, summary, ...lists, opinion: toOpinion(raw.opinion), code_runs: [], revised: false };
}

function toOpinion(raw: RawAnswer['opinion']): ModelOpinion {
  return {
    confidence: raw.confidence,
    matrix: {
      risk_level: raw.risk,
      implementation_difficulty: raw.difficulty,
      innovation_potential: raw.novelty,
      user_impact: raw.effect_on_people,
      strategic_value: raw.long_term_value,
    },
  };
}

/** The program, where it is one: in a language that may run, not empty, and with something that it prints. */
function toCode(raw: RawAnswer, allowed: readonly Language[]): CodeBlock[] {
  const language = toLanguage(raw.program_language ?? '');
  if (language === undefined || !allowed.includes(language)) return [];
  const code = (raw.program ?? '')
    .replace(/^\s*```[a-z]*\n/u, '')
    .replace(/\n```\s*$/u, '')
    .trim();
  const prints = { python: /\bprint\s*\(/, javascript: /console\.log\s*\(/, bash: /\b(?:echo|printf)\b/ }[language];
  return prints.test(code) ? [{ language, code }] : [];
}
