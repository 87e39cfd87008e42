import type { Point } from '../../../../src/contracts/analysis.ts';
import type { RunView } from '../../shared/run-view.ts';

/** A point that a statement of the synthesis rests on. */
export interface CitedPoint {
  readonly id: string;
  readonly agent: string;
  readonly section: string;
  /** Its place in its section, from 1. */
  readonly number: number;
  readonly text: string;
}

/** The lists of an answer that hold points, in the order in which they are shown. */
export const pointSections = [
  { key: 'key_points', title: 'Key points' },
  { key: 'insights', title: 'Insights' },
  { key: 'recommendations', title: 'Recommendations' },
] as const;

/** Finds the point with this id in the answers; undefined where no answer has it. */
export function findPoint(view: RunView, id: string): CitedPoint | undefined {
  for (const agent of view.perspectives) {
    const answer = view.lanes[agent]?.answer;
    if (answer === undefined) continue;
    for (const { key, title } of pointSections) {
      const at = answer[key].findIndex((point: Point) => point.id === id);
      const found = answer[key][at];
      if (found !== undefined) return { id, agent, section: title, number: at + 1, text: found.text };
    }
  }
  return undefined;
}

/** The id of the element that shows a point. */
export const pointElementId = (id: string): string => `point-${id}`;
