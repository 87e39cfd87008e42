import type { Point } from '../contracts/analysis.ts';
import { isEnglish } from './prompts.ts';
import { cleanStatement, isAboutTheTask, isFragment, isNearDuplicate, shorten, toTokens } from './text/index.ts';

/** A point is a statement, not a paragraph. */
const maxWords = 28;

/** The three lists of an answer, as the model wrote them. */
export interface RawLists {
  readonly key_points: readonly string[];
  readonly insights: readonly string[];
  readonly recommendations: readonly string[];
}

export interface PointLists {
  readonly key_points: Point[];
  readonly insights: Point[];
  readonly recommendations: Point[];
}

export interface PointContext {
  readonly perspective: string;
  readonly topic: string;
  /** The examples of the prompt, which are no answer. */
  readonly notThis: readonly string[];
}

/**
 * Makes points out of raw statements: cleaned, without what says nothing and without what an earlier one has said in nearly the
 * same words. Ids are `perspective.list.number`, numbered after that, so that they have no gaps.
 */
export function toPoints(raw: RawLists, context: PointContext): PointLists {
  const said: string[] = [...context.notThis];
  const take = (list: readonly string[], name: string): Point[] =>
    list
      .map((text) => shorten(cleanStatement(text, context.topic), maxWords))
      .filter(
        (text) => isStatement(text, { name, topic: context.topic }) && isNew(text, { said, topic: context.topic }),
      )
      .map((text, index) => ({ id: `${context.perspective}.${name}.${index + 1}`, text }));
  return {
    key_points: take(raw.key_points, 'key-points'),
    insights: take(raw.insights, 'insights'),
    recommendations: take(raw.recommendations, 'recommendations'),
  };
}

/** Orders need no verb that states something, and other languages are not judged. */
function isStatement(text: string, context: { readonly name: string; readonly topic: string }): boolean {
  if (toTokens(text).length < 3 || isAboutTheTask(text)) return false;
  return context.name === 'recommendations' || !isEnglish(context.topic) || !isFragment(text);
}

/** Notes what it lets through, so that a later statement is compared with it. */
function isNew(text: string, context: { readonly said: string[]; readonly topic: string }): boolean {
  if (context.said.some((earlier) => isNearDuplicate(earlier, text, context.topic))) return false;
  context.said.push(text);
  return true;
}
