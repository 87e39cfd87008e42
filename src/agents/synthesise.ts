import { z } from 'zod';
import type { CitedStatement, PerspectiveAnswer, Synthesis, TokenUsage } from '../contracts/analysis.ts';
import { BigboxError } from '../contracts/errors.ts';
import type { Model } from '../contracts/ports.ts';
import { maxSummaryLength } from './draft-shape.ts';
import type { LiveField } from './live-text.ts';
import { exampleTopic, toLanguageRule } from './prompts.ts';
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
  // Recommendations are orders as they stand.
  const worded = plan.filter(({ section }) => section !== 'priorities');
  const { answer, cost } = yield* callForStructure({
    model: request.model,
    shape: toShape(worded),
    fields: toFields(worded),
    request: {
      system: `${rules}\n${toLanguageRule(request.topic)}`,
      example,
      prompt: toPrompt(request, worded),
      maxOutputTokens: 600,
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

const rules = [
  'You sum up what several advisers said, in short, plain sentences of your own. You answer with JSON.',
  'summary: your advice on the topic with its main reason, in 15 to 30 words',
  'agree: what both say, in one sentence',
  'differ: how the two differ, in one sentence with "while"',
  'needs: one sentence that begins with "Success depends on"',
].join('\n');

const example = {
  prompt: [
    `Topic: ${exampleTopic}`,
    'Advice: Let pupils order a day ahead, because most waste comes from meals cooked for absent children.',
    'Advice: Make leftovers a task for pupils, because people waste less of what they handle themselves.',
    'agree_1: "Each empty chair becomes waste." "Without a shared absence list, the kitchen cannot know how much to cook."',
    'differ_1: "Smaller portions save money for the school." "If pupils cooked once a week, they would learn what a portion costs."',
    'needs_1: "Orders close at nine, but the absence list arrives at ten."',
  ].join('\n'),
  answer: JSON.stringify({
    summary:
      'Let pupils order a day ahead and handle the leftovers themselves, because most waste is cooked for children who are absent.',
    agree_1: 'Food is wasted because the kitchen does not know who is absent.',
    differ_1: 'Smaller portions save money, while cooking once a week teaches pupils what a portion costs.',
    needs_1: 'Success depends on an absence list that arrives before the orders close.',
  }),
};

function toPrompt({ topic, answers }: SynthesisRequest, plan: readonly PlannedStatement[]): string {
  return [
    `Topic: ${topic}`,
    ...answers.map((answer) => `Advice: ${answer.summary}`),
    ...plan.map(({ key, points }) => `${key}: ${points.map((point) => `"${point.text}"`).join(' ')}`),
  ].join('\n');
}

function toSynthesis(
  request: SynthesisRequest,
  { plan, wording }: { readonly plan: readonly PlannedStatement[]; readonly wording: Wording },
): Synthesis {
  const said: string[] = [];
  const section = (name: SynthesisSection): CitedStatement[] =>
    plan
      .filter((statement) => statement.section === name)
      .flatMap((statement) => toStatement(statement, { raw: wording[statement.key] ?? '', request }))
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
 * A sentence that shares next to nothing with one of its points, or names a perspective that is not cited, was not written from them:
 * then the points speak for themselves, but for an agreement that the model could not put into words, which is none.
 */
function toStatement(
  { points, section }: PlannedStatement,
  { raw, request }: { readonly raw: string; readonly request: SynthesisRequest },
): CitedStatement[] {
  const text = shorten(cleanStatement(raw.replace(agreement, ''), request.topic), 36);
  const tokens = toTokens(text);
  const isWhole = points.every((point) => overlap(tokens, point.tokens) >= 0.15);
  const strangers = request.answers
    .map((answer) => answer.perspective)
    .filter((perspective) => !points.some((point) => point.perspective === perspective));
  const cites = points.map((point) => point.id);
  if (text !== '' && isWhole && !strangers.some((perspective) => mentions(text, perspective))) return [{ text, cites }];
  return section === 'convergent_findings' ? [] : [{ text: toQuotation(points), cites }];
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
