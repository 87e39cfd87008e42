import type { PerspectiveAnswer, Point } from '../contracts/analysis.ts';
import { overlap, toTokens } from './text/index.ts';

export type SynthesisSection = 'convergent_findings' | 'divergent_views' | 'priorities' | 'success_factors';

/** One statement that the synthesis will make: which points it rests on. The model only finds the words. */
export interface PlannedStatement {
  readonly key: string;
  readonly section: SynthesisSection;
  readonly points: readonly PlacedPoint[];
}

/** A point together with the perspective that made it. */
export interface PlacedPoint extends Point {
  readonly perspective: string;
  readonly list: 'key-points' | 'insights' | 'recommendations';
  readonly tokens: readonly string[];
}

interface Pair {
  readonly left: PlacedPoint;
  readonly right: PlacedPoint;
  readonly likeness: number;
}

/** Two points about this much alike speak of the same matter and say different things about it. */
const related = 0.2;

/** Below this, two points share no more than chance. */
const alike = 0.25;

/**
 * Decides what the synthesis is about, by counting: convergent are the pairs of points from different perspectives that share most
 * meaning; divergent are pairs whose perspectives stress different things; priorities are the recommendations that other perspectives'
 * points support most; success factors are the insights nothing else has used yet. Each point is used once.
 */
export function planSynthesis(answers: readonly PerspectiveAnswer[], topic: string): PlannedStatement[] {
  const points = answers.flatMap((answer) => place(answer, topic));
  const pairs = toPairs(points);
  const used = new Set<string>();
  const take = (found: readonly PlacedPoint[]): readonly PlacedPoint[] => {
    for (const point of found) used.add(point.id);
    return found;
  };
  const isFree = (point: PlacedPoint): boolean => !used.has(point.id);

  const convergent = takePairs(
    pairs.filter((pair) => pair.likeness >= alike),
    { limit: 2, isFree, take },
  );
  const priorities = rankRecommendations(points, pairs)
    .filter(isFree)
    .slice(0, 3)
    .map((point) => take([point]));
  const contrasts = pairs
    .filter(({ left, right }) => left.list === right.list && left.list !== 'recommendations')
    .toSorted((one, other) => Math.abs(one.likeness - related) - Math.abs(other.likeness - related));
  const divergent = takePairs(contrasts, { limit: 2, isFree, take });
  const insights = points.filter((point) => point.list === 'insights' && isFree(point));
  const factors = [...insights.filter(isCondition), ...onePerPerspective(insights)]
    .filter((point, index, all) => all.indexOf(point) === index)
    .slice(0, 2)
    .map((point) => take([point]));
  return [
    ...toStatements('convergent_findings', convergent),
    ...toStatements('divergent_views', divergent),
    ...toStatements('priorities', priorities),
    ...toStatements('success_factors', factors),
  ];
}

/** What the model sees; short, since it writes every one of them. */
const keys: Readonly<Record<SynthesisSection, string>> = {
  convergent_findings: 'agree',
  divergent_views: 'differ',
  priorities: 'first',
  success_factors: 'needs',
};

function toStatements(section: SynthesisSection, groups: readonly (readonly PlacedPoint[])[]): PlannedStatement[] {
  return groups.map((points, index) => ({ key: `${keys[section]}_${index + 1}`, section, points }));
}

function place(answer: PerspectiveAnswer, topic: string): PlacedPoint[] {
  const common = new Set(toTokens(topic));
  const lists = { 'key-points': answer.key_points, insights: answer.insights, recommendations: answer.recommendations };
  return Object.entries(lists).flatMap(([list, points]) =>
    points.map((point) => ({
      ...point,
      perspective: answer.perspective,
      list: list as PlacedPoint['list'],
      tokens: toTokens(point.text).filter((token) => !common.has(token)),
    })),
  );
}

/** Every pair of points from different perspectives, the most alike first. */
function toPairs(points: readonly PlacedPoint[]): Pair[] {
  const pairs = points.flatMap((left, index) =>
    points
      .slice(index + 1)
      .filter((right) => right.perspective !== left.perspective)
      .map((right) => ({ left, right, likeness: overlap(left.tokens, right.tokens) })),
  );
  return pairs.toSorted((one, other) => other.likeness - one.likeness);
}

interface Taking {
  readonly limit: number;
  readonly isFree: (point: PlacedPoint) => boolean;
  readonly take: (points: readonly PlacedPoint[]) => readonly PlacedPoint[];
}

/** Takes pairs in order, so that no point and, as far as possible, no pair of perspectives comes twice. */
function takePairs(pairs: readonly Pair[], { limit, isFree, take }: Taking): (readonly PlacedPoint[])[] {
  const taken: (readonly PlacedPoint[])[] = [];
  const seen = new Set<string>();
  for (const allowSeen of [false, true])
    for (const { left, right } of pairs) {
      const who = [left.perspective, right.perspective].toSorted().join('+');
      if (taken.length >= limit || !isFree(left) || !isFree(right) || (seen.has(who) && !allowSeen)) continue;
      seen.add(who);
      taken.push(take([left, right]));
    }
  return taken;
}

function rankRecommendations(points: readonly PlacedPoint[], pairs: readonly Pair[]): PlacedPoint[] {
  const support = (point: PlacedPoint): number =>
    pairs.reduce((sum, { left, right, likeness }) => (left === point || right === point ? sum + likeness : sum), 0);
  const ranked = points
    .filter((point) => point.list === 'recommendations')
    .map((point) => ({ point, support: support(point) }))
    .toSorted((one, other) => other.support - one.support)
    .map(({ point }) => point);
  return onePerPerspective(ranked);
}

/** Says on what something depends, as far as English words tell. */
const isCondition = ({ text }: PlacedPoint): boolean =>
  /\b(?:without|depends? on|needs?|must|only if|only when|requires?|unless|as long as)\b/iu.test(text);

/** The first of each perspective before the second of any. */
function onePerPerspective(points: readonly PlacedPoint[]): PlacedPoint[] {
  const rounds = new Map<string, number>();
  return points
    .map((point, index) => {
      const round = rounds.get(point.perspective) ?? 0;
      rounds.set(point.perspective, round + 1);
      return { point, round, index };
    })
    .toSorted((one, other) => one.round - other.round || one.index - other.index)
    .map(({ point }) => point);
}
