import type { Point } from '../contracts/analysis.ts';
import { cleanStatement, isNearDuplicate, toTokens } from './text/index.ts';

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

/**
 * Makes points out of raw statements: cleaned, without what says nothing and without what an earlier one has said in nearly the
 * same words. Ids are `perspective.list.number`, numbered after that, so that they have no gaps.
 */
export function toPoints(raw: RawLists, context: { readonly perspective: string; readonly topic: string }): PointLists {
  const said: string[] = [];
  const take = (list: readonly string[], name: string): Point[] => {
    const kept = list
      .map((text) => cleanStatement(text, context.topic))
      .filter((text) => isWorthSaying(text, said, context.topic));
    return kept.map((text, index) => ({ id: `${context.perspective}.${name}.${index + 1}`, text }));
  };
  return {
    key_points: take(raw.key_points, 'key-points'),
    insights: take(raw.insights, 'insights'),
    recommendations: take(raw.recommendations, 'recommendations'),
  };
}

/** Notes what it lets through, so that a later statement is compared with it. */
function isWorthSaying(text: string, said: string[], topic: string): boolean {
  const isEmpty = toTokens(text).length < 3;
  if (isEmpty || said.some((earlier) => isNearDuplicate(earlier, text, topic))) return false;
  said.push(text);
  return true;
}
