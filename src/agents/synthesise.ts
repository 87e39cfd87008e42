import { z } from 'zod';
import type { CitedStatement, PerspectiveAnswer, Synthesis, TokenUsage } from '../contracts/analysis.ts';
import { BigboxError } from '../contracts/errors.ts';
import type { Model } from '../contracts/ports.ts';
import { maxSummaryLength } from './draft-shape.ts';
import type { LiveField } from './live-text.ts';
import { toLanguageRule } from './prompts.ts';
import { type AgentDelta, callForStructure } from './structured-call.ts';
import { type PlacedPoint, type PlannedStatement, planSynthesis, type SynthesisSection } from './synthesis-plan.ts';
import { cleanStatement, shorten, isNearDuplicate, overlap, toTokens } from './text/index.ts';

export interface SynthesisRequest {
  readonly model: Model;
  readonly topic: string;
  readonly answers: readonly PerspectiveAnswer[];
  readonly seed?: number | undefined;
  readonly temperature?: number | undefined;
  readonly signal: AbortSignal;
}

export type SynthesisEvent =
  | AgentDelta
  | {
      readonly type: 'finished';
      readonly synthesis: Synthesis;
      readonly usage: TokenUsage;
      readonly durationMs: number;
    };

/**
 * Sums the answers up, in one model call. Which points belong together is counted; the model finds the words, so that every
 * statement cites points that exist and that it was written from. A wording that has lost its points is replaced by the point itself.
 * Throws what the model throws, and ANSWER_UNUSABLE when there is nothing to sum up or the answer has no form.
 */
export async function* synthesise(request: SynthesisRequest): AsyncGenerator<SynthesisEvent, void> {
  const plan = planSynthesis(request.answers, request.topic);
  if (plan.length === 0) throw new BigboxError('ANSWER_UNUSABLE', { message: 'There is no answer to sum up.' });
  const { answer, cost } = yield* callForStructure({
    model: request.model,
    shape: toShape(plan),
    fields: toFields(plan),
    request: {
      system: `You sum up what several advisers said. ${toLanguageRule(request.topic)} You use only what they said, in your own short, complete sentences.`,
      prompt: toPrompt(request, plan),
      maxOutputTokens: 700,
      temperature: request.temperature ?? 0.4,
      signal: request.signal,
      ...(request.seed === undefined ? {} : { seed: request.seed }),
    },
  });
  yield { type: 'finished', synthesis: toSynthesis(request, { plan, wording: answer }), ...cost };
}

type Wording = Readonly<Record<string, string>>;

function toShape(plan: readonly PlannedStatement[]): z.ZodType<Wording> {
  const keys = ['summary', ...plan.map((statement) => statement.key)];
  return z.object(Object.fromEntries(keys.map((key) => [key, z.string().meta({ maxLength: maxSummaryLength })])));
}

const titles: Readonly<Record<SynthesisSection, string>> = {
  convergent_findings: 'Convergent findings',
  divergent_views: 'Divergent views',
  priorities: 'Priorities',
  success_factors: 'Success factors',
};

function toFields(plan: readonly PlannedStatement[]): Record<string, LiveField> {
  const fields: Record<string, LiveField> = { summary: { title: 'Summary', style: 'paragraph' } };
  for (const { key, section } of plan)
    fields[key] = key.endsWith('_1') ? { title: titles[section], style: 'list' } : { style: 'list' };
  return fields;
}

const tasks: Readonly<Record<SynthesisSection, string>> = {
  convergent_findings: 'what both say, in one sentence of 10 to 20 words that names neither',
  divergent_views: 'how the two differ, in one sentence of 12 to 25 words with "while"',
  priorities: 'as a short order of at most 12 words',
  success_factors: 'one sentence of at most 18 words that begins with "Success depends on"',
};

function toPrompt({ topic, answers }: SynthesisRequest, plan: readonly PlannedStatement[]): string {
  return [
    `Topic: ${topic}`,
    'Conclusions of the advisers:',
    ...answers.map((answer) => `- ${toName(answer.perspective)}: ${answer.summary}`),
    '',
    'Fill in the JSON.',
    'summary: your own advice on the topic with its main reason and its main risk, in 20 to 35 words, naming no view',
    'Then put the statements behind each key into your own words:',
    ...plan.map(({ key, section, points }) => {
      const said = points.map((point) => `${toName(point.perspective)}: "${point.text}"`).join(' ');
      return `${key} (${tasks[section]}): ${said}`;
    }),
  ].join('\n');
}

const toName = (perspective: string): string => `the ${perspective.replaceAll('_', '-')} view`;

function toSynthesis(
  request: SynthesisRequest,
  { plan, wording }: { readonly plan: readonly PlannedStatement[]; readonly wording: Wording },
): Synthesis {
  const said: string[] = [];
  const section = (name: SynthesisSection): CitedStatement[] =>
    plan
      .filter((statement) => statement.section === name)
      .map((statement) => toStatement(statement, { raw: wording[statement.key] ?? '', request }))
      .filter(({ text }) => {
        const isNew = !said.some((earlier) => isNearDuplicate(earlier, text, request.topic));
        if (isNew) said.push(text);
        return isNew;
      });
  const summary =
    shorten(cleanStatement(wording['summary'] ?? '', request.topic), 50) || (request.answers[0]?.summary ?? '');
  return {
    summary,
    convergent_findings: section('convergent_findings'),
    divergent_views: section('divergent_views'),
    priorities: section('priorities'),
    success_factors: section('success_factors'),
  };
}

/**
 * A sentence that shares next to nothing with its points, or names a perspective that is not cited, was not written from them:
 * then the points speak for themselves.
 */
function toStatement(
  { points, section }: PlannedStatement,
  { raw, request }: { readonly raw: string; readonly request: SynthesisRequest },
): CitedStatement {
  const text = shorten(cleanStatement(raw.replace(agreement, ''), request.topic), 36);
  const tokens = toTokens(text);
  const cited = points.filter((point) => overlap(tokens, point.tokens) >= 0.15);
  const strangers = request.answers
    .map((answer) => answer.perspective)
    .filter((perspective) => !cited.some((point) => point.perspective === perspective));
  const isTrue = cited.length > 0 && !strangers.some((perspective) => mentions(text, perspective));
  const isComplete = section !== 'divergent_views' || cited.length === points.length;
  if (text !== '' && isTrue && isComplete) return { text, cites: cited.map((point) => point.id) };
  const quoted = section === 'divergent_views' ? points : points.slice(0, 1);
  return { text: toQuotation(quoted), cites: quoted.map((point) => point.id) };
}

/** Small models name the wrong advisers here; the citations name the right ones. */
const agreement = /^both\b.{0,60}?\b(?:agree|say|state|suggest|believe|emphasi[sz]e|note|stress)\s+(?:that\s+)?/iu;

const mentions = (text: string, perspective: string): boolean =>
  new RegExp(`\\b${perspective.replaceAll('_', '[-_ ]')}\\b`, 'iu').test(text);

function toQuotation(points: readonly PlacedPoint[]): string {
  const [first] = points;
  if (points.length === 1 && first !== undefined) return first.text;
  return points.map((point) => `${capitalise(point.perspective.replaceAll('_', '-'))}: ${point.text}`).join(' ');
}

const capitalise = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
