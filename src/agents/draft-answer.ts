import type { ModelOpinion, Perspective, PerspectiveAnswer, TokenUsage } from '../contracts/analysis.ts';
import { BigboxError } from '../contracts/errors.ts';
import type { Language } from '../contracts/execution.ts';
import type { Model, ModelExample } from '../contracts/ports.ts';
import type { CodeBlock } from './code-blocks.ts';
import { lists, type RawDraft, toDraftFields, toDraftShape, toQuestions } from './draft-shape.ts';
import { toPoints } from './points.ts';
import { toCodeBlocks } from './program.ts';
import { type Assignment, exampleTopic, toPerspectiveSystem, toTopicLines } from './prompts.ts';
import { type AgentDelta, callForStructure } from './structured-call.ts';
import { cleanStatement, isAboutTheTask, isNearDuplicate, shorten } from './text/index.ts';

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
  const asksForProgram = perspective.computes === true && request.languages.includes('python');
  const { answer, cost } = yield* callForStructure({
    model: request.model,
    shape: toDraftShape(perspective, asksForProgram),
    fields: toDraftFields(perspective),
    request: {
      system: toSystem(request, asksForProgram),
      ...toExample(perspective, asksForProgram),
      prompt: toTopicLines(request).join('\n'),
      maxOutputTokens,
      temperature: request.temperature ?? 0.4,
      signal: request.signal,
      ...(request.seed === undefined ? {} : { seed: request.seed }),
    },
  });
  const draft = {
    answer: toAnswer(answer, { perspective, topic }),
    codeBlocks: asksForProgram && answer.program !== undefined ? toCodeBlocks(answer.program) : [],
  };
  yield { type: 'finished', draft, ...cost };
}

function toSystem(request: DraftRequest, asksForProgram: boolean): string {
  const questions = toQuestions(request.perspective);
  return [
    toPerspectiveSystem(request.perspective, request),
    'You answer with JSON. Each text is one complete sentence of 8 to 20 words about the topic, definite and concrete.',
    ...lists.flatMap((list) => Object.entries(questions[list]).map(([key, question]) => `${key}: ${question}`)),
    'summary: your position and its main reason',
    ...(asksForProgram ? [programRule] : []),
    'opinion: how you rate it: risk, difficulty, novelty, effect on people, long-term value',
  ].join('\n');
}

const programRule =
  'program: lines of Python without imports. figures: two to four assignments of example figures on this topic; calculation: one line that computes a yearly amount from them; print: the amount with its unit';

/** The catalogue's example in the form of an answer; without the opinion, which a model would copy. */
function toExample({ example }: Perspective, asksForProgram: boolean): { readonly example?: ModelExample } {
  if (example === undefined) return {};
  const { program, ...texts } = example;
  const code = asksForProgram && program !== undefined ? { program } : {};
  const prompt = toTopicLines({ topic: exampleTopic, domains: [] }).join('\n');
  return { example: { prompt, answer: JSON.stringify({ ...texts, ...code }) } };
}

interface AnswerContext {
  readonly perspective: Perspective;
  readonly topic: string;
}

function toAnswer(
  raw: RawDraft,
  { perspective: { id: perspective, example }, topic }: AnswerContext,
): PerspectiveAnswer {
  const texts = {
    key_points: Object.values(raw.key_points),
    insights: Object.values(raw.insights),
    recommendations: Object.values(raw.recommendations),
  };
  const examples = example === undefined ? [] : lists.flatMap((list) => Object.values(example[list]));
  const points = toPoints(texts, { perspective, topic, notThis: examples });
  const summary =
    toSummary(raw.summary, { topic, notThis: example?.summary ?? '' }) || (points.key_points[0]?.text ?? '');
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

/** Empty where the model talks about its task instead of the topic, or repeats the example. */
function toSummary(raw: string, { topic, notThis }: { readonly topic: string; readonly notThis: string }): string {
  const text = shorten(cleanStatement(raw.replace(preamble, ''), topic), 40);
  return isAboutTheTask(text) || isNearDuplicate(text, notThis, topic) ? '' : text;
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
