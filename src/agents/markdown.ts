import type { CitedStatement, CodeRun, PerspectiveAnswer, Point, Synthesis } from '../contracts/analysis.ts';

/** Writes an answer as Markdown: the `result` text that old clients show. */
export function answerToMarkdown(answer: PerspectiveAnswer): string {
  return joinParts([
    answer.summary,
    toList('Key points', answer.key_points),
    toList('Insights', answer.insights),
    toList('Recommendations', answer.recommendations),
    ...answer.code_runs.map(toCodeRun),
    toOpinion(answer),
  ]);
}

/** Writes a synthesis as Markdown, each statement with the ids of the points it cites. */
export function synthesisToMarkdown(synthesis: Synthesis): string {
  return joinParts([
    synthesis.summary,
    toCitedList('Convergent findings', synthesis.convergent_findings),
    toCitedList('Divergent views', synthesis.divergent_views),
    toCitedList('Priorities', synthesis.priorities),
    toCitedList('Success factors', synthesis.success_factors),
  ]);
}

const joinParts = (parts: readonly string[]): string => parts.filter((part) => part !== '').join('\n\n');

const toList = (title: string, points: readonly Point[]): string =>
  points.length === 0 ? '' : `### ${title}\n\n${points.map((point) => `- ${point.text}`).join('\n')}`;

const toCitedList = (title: string, statements: readonly CitedStatement[]): string =>
  statements.length === 0
    ? ''
    : `### ${title}\n\n${statements.map(({ text, cites }) => `- ${text} (${cites.join(', ')})`).join('\n')}`;

/** A fence that is longer than any run of backticks in what it holds. */
function toFence(text: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([run]) => run.length));
  return '`'.repeat(longest + 1);
}

function toFenced(label: string, text: string): string {
  const fence = toFence(text);
  return `${fence}${label}\n${text.replace(/\n$/, '')}\n${fence}`;
}

function toCodeRun({ language, code, result }: CodeRun): string {
  const output = `${result.stdout}${result.stderr}`.trim();
  const ending = result.outcome === 'exited' ? `exit code ${result.exit_code}` : result.outcome;
  return joinParts([
    '### Calculation, run in a microVM',
    toFenced(language, code),
    output === '' ? `No output (${ending}).` : `Output (${ending}):`,
    output === '' ? '' : toFenced('text', output),
  ]);
}

function toOpinion({ opinion }: PerspectiveAnswer): string {
  const ratings = Object.entries(opinion.matrix).map(([aspect, level]) => `${aspect.replaceAll('_', ' ')} ${level}`);
  return `*The model's own opinion, not a measurement: confidence ${opinion.confidence}; ${ratings.join(', ')}.*`;
}
