import type { ModelOpinion, Perspective, PerspectiveAnswer, TokenUsage } from '../contracts/analysis.ts';
import { BigboxError } from '../contracts/errors.ts';
import { type Language, toLanguage } from '../contracts/execution.ts';
import type { Model } from '../contracts/ports.ts';
import { isBalanced } from './balance.ts';
import type { CodeBlock } from './code-blocks.ts';
import { lists, type RawDraft, toDraftFields, toDraftShape, toQuestions } from './draft-shape.ts';
import { toPoints } from './points.ts';
import { type Assignment, toPerspectiveSystem, toTopicLines } from './prompts.ts';
import { type AgentDelta, callForStructure } from './structured-call.ts';
import { cleanStatement, isAboutTheTask, shorten } from './text/index.ts';

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
    shape: toDraftShape(perspective, codeLanguages),
    fields: toDraftFields(perspective),
    request: {
      system: toPerspectiveSystem(perspective, request),
      prompt: toPrompt(request, codeLanguages),
      maxOutputTokens,
      temperature: request.temperature ?? 0.4,
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

function toPrompt(request: DraftRequest, codeLanguages: readonly Language[]): string {
  const questions = toQuestions(request.perspective);
  return [
    ...toTopicLines(request),
    '',
    'Fill in the JSON. Each text is one complete sentence of 8 to 18 words about this topic that names a particular person, place, thing or amount,',
    `as short and concrete as: "${styleExample}"`,
    ...lists.flatMap((list) => Object.entries(questions[list]).map(([key, question]) => `${key}: ${question}`)),
    'summary: what you advise and the main reason, in 15 to 25 words, beginning with the advice itself',
    ...(codeLanguages.length === 0 ? [] : [programRule]),
    'opinion: how you rate it: risk, difficulty, novelty, effect on people, long-term value',
  ].join('\n');
}

/** On a matter that no topic shares; a model that copies it is found out by comparison. */
const styleExample = 'A school kitchen that cooks for 300 children throws away 40 kg of bread a week.';

const programRule =
  'program: Python of at most 6 lines without imports: what it would cost or save in a year, computed from example figures that the program sets, printed with a label and the currency. Or program_language none and an empty program where money says nothing';

interface AnswerContext {
  readonly perspective: string;
  readonly topic: string;
}

function toAnswer(raw: RawDraft, { perspective, topic }: AnswerContext): PerspectiveAnswer {
  const texts = {
    key_points: Object.values(raw.key_points),
    insights: Object.values(raw.insights),
    recommendations: Object.values(raw.recommendations),
  };
  const points = toPoints(texts, { perspective, topic, notThis: styleExample });
  const summary = toSummary(raw.summary, topic) || (points.key_points[0]?.text ?? '');
  const statements = points.key_points.length + points.insights.length + points.recommendations.length;
  if (summary === '' || statements < 2)
    throw new BigboxError('ANSWER_UNUSABLE', {
      message: `Only ${statements} statements of the ${perspective} answer can be printed.`,
      context: { perspective, statements },
    });
  return { perspective, summary, ...points, opinion: toOpinion(raw.opinion), code_runs: [], revised: false };
}

/** Small models announce what they were asked to say. */
const preamble = /^\s*(?:the|my|our)\s(?:advice|recommendation|answer|position)\sis\s(?:to|that)\s+/iu;

/** Empty where the model talks about its task instead of the topic. */
function toSummary(raw: string, topic: string): string {
  const text = shorten(cleanStatement(raw.replace(preamble, ''), topic), 40);
  return isAboutTheTask(text) ? '' : text;
}

function toOpinion(raw: RawDraft['opinion']): ModelOpinion {
  return {
    confidence: raw.confidence,
    matrix: {
      risk_level: raw.risk,
      implementation_difficulty: raw.difficulty,
      innovation_potential: raw.novelty,
      user_impact: raw.people,
      strategic_value: raw.value,
    },
  };
}

/** The program, where it is one: in a language that may run, not empty, whole, and with something that it prints. */
function toCode(raw: RawDraft, allowed: readonly Language[]): CodeBlock[] {
  const language = toLanguage(raw.program_language ?? '');
  if (language === undefined || !allowed.includes(language)) return [];
  const code = (raw.program ?? '')
    .replace(/^\s*```[a-z]*\n/u, '')
    .replace(/\n?```[^]*$/u, '')
    .trim();
  const prints = { python: /\bprint\s*\(/, javascript: /console\.log\s*\(/, bash: /\b(?:echo|printf)\b/ }[language];
  return prints.test(code) && isBalanced(code) ? [{ language, code }] : [];
}
