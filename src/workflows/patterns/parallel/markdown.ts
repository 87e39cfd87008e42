import type { CitedStatement, CodeRun, PerspectiveAnswer, Point, Synthesis } from '../../../contracts/analysis.ts';

/** A perspective's answer as text, for clients that show only text. */
export const answerToMarkdown = (answer: PerspectiveAnswer): string =>
  joinSections([
    answer.summary,
    section('Key points', answer.key_points.map(toItem)),
    section('Insights', answer.insights.map(toItem)),
    section('Recommendations', answer.recommendations.map(toItem)),
    ...answer.code_runs.map(toCode),
  ]);

/** The synthesis as text; every statement names the points it rests on. */
export const synthesisToMarkdown = (synthesis: Synthesis): string =>
  joinSections([
    synthesis.summary,
    section('Convergent findings', synthesis.convergent_findings.map(toCited)),
    section('Divergent views', synthesis.divergent_views.map(toCited)),
    section('Priorities', synthesis.priorities.map(toCited)),
    section('Success factors', synthesis.success_factors.map(toCited)),
  ]);

const joinSections = (sections: readonly string[]): string => sections.filter((text) => text !== '').join('\n\n');

const section = (title: string, items: readonly string[]): string =>
  items.length === 0 ? '' : `### ${title}\n\n${items.join('\n')}`;

const toItem = (point: Point): string => `- ${point.text}`;

const toCited = (statement: CitedStatement): string => `- ${statement.text} (${statement.cites.join(', ')})`;

const toCode = ({ language, code, result }: CodeRun): string =>
  `### Code that was run\n\n${fence(code, language)}\n\nOutput (exit code ${result.exit_code}):\n\n${fence(result.stdout + result.stderr)}`;

/** Fences a text with more backticks than it has itself. */
function fence(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const mark = '`'.repeat(longest + 1);
  return `${mark}${language}\n${text.replace(/\n$/, '')}\n${mark}`;
}
