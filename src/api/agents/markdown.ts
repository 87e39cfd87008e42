import type { CitedStatement, CodeRun, ParallelResult, ParallelTask, Synthesis } from '../../contracts/analysis.ts';
import type { RunStatus } from '../../contracts/runs.ts';

const section = (title: string, lines: readonly string[]): readonly string[] =>
  lines.length === 0 ? [] : ['', title, '', ...lines];

const cited = ({ text, cites }: CitedStatement): string => `- ${text} (${cites.join(', ')})`;

const synthesisLines = (synthesis: Synthesis): readonly string[] => [
  ...section('## Synthesis', [synthesis.summary]),
  ...section('### Convergent findings', synthesis.convergent_findings.map(cited)),
  ...section('### Divergent views', synthesis.divergent_views.map(cited)),
  ...section('### Priorities', synthesis.priorities.map(cited)),
  ...section('### Success factors', synthesis.success_factors.map(cited)),
];

/** A fence that is longer than any run of backticks in the text. */
function fenced(text: string, language = ''): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text.replace(/\n$/, '')}\n${fence}`;
}

const codeLines = ({ language, code, result }: CodeRun): readonly string[] => [
  '',
  `Code run in a microVM: exit ${result.exit_code}, ${Math.round(result.duration_ms)} ms.`,
  '',
  fenced(code, language),
  ...(result.stdout === '' ? [] : ['', 'Output:', '', fenced(result.stdout)]),
  ...(result.stderr === '' ? [] : ['', 'Errors:', '', fenced(result.stderr)]),
];

function taskLines({ perspective, status, answer, result, error }: ParallelTask): readonly string[] {
  const title = `## ${perspective}`;
  if (status === 'failed') return section(title, [`Failed: ${error?.message ?? 'no cause was recorded'}`]);
  if (answer === undefined) return section(title, [result]);
  const points = (name: string, list: readonly { readonly id: string; readonly text: string }[]): readonly string[] =>
    section(
      `### ${name}`,
      list.map(({ id, text }) => `- ${text} (${id})`),
    );
  return [
    ...section(title, [answer.summary]),
    ...points('Key points', answer.key_points),
    ...points('Insights', answer.insights),
    ...points('Recommendations', answer.recommendations),
    ...answer.code_runs.flatMap(codeLines),
  ];
}

const matrixLines = ({ parallel_tasks: tasks }: ParallelResult): readonly string[] => {
  const rows = tasks.flatMap(({ perspective, answer }) => {
    if (answer === undefined) return [];
    const { matrix, confidence } = answer.opinion;
    const cells = [
      matrix.risk_level,
      matrix.implementation_difficulty,
      matrix.innovation_potential,
      matrix.user_impact,
      matrix.strategic_value,
      `${Math.round(confidence * 100)} %`,
    ];
    return [`| ${perspective} | ${cells.join(' | ')} |`];
  });
  if (rows.length === 0) return [];
  return section("## The model's own opinion", [
    '| Perspective | Risk | Difficulty | Innovation | User impact | Strategic value | Confidence |',
    '|---|---|---|---|---|---|---|',
    ...rows,
  ]);
};

const measuredLines = (result: ParallelResult): readonly string[] => {
  const summary = result.execution_summary;
  return section('## Measured', [
    `- Wall time: ${(summary.wall_time_ms / 1000).toFixed(1)} s`,
    `- Model time: ${(summary.model_time_ms / 1000).toFixed(1)} s (sum of all calls)`,
    `- Parallel factor: ${summary.parallel_factor.toFixed(2)} (time of all steps divided by the wall time)`,
    `- Tokens: ${summary.tokens.input} in, ${summary.tokens.output} out`,
    `- Executions in microVMs: ${summary.vm_executions}`,
    `- Model: ${result.model.provider} ${result.model.name}`,
  ]);
};

/** Writes a run as a Markdown document; one that has not ended says so. */
export function toMarkdown(status: RunStatus): string {
  const { result } = status;
  const lines = [
    `# ${status.topic.replaceAll(/\s+/g, ' ')}`,
    '',
    `Run ${status.id}, ${status.status}, started ${status.started_at}${status.completed_at === undefined ? '' : `, ended ${status.completed_at}`}.`,
    `Perspectives: ${status.perspectives.join(', ')}.${status.domains.length === 0 ? '' : ` Domains: ${status.domains.join(', ')}.`}`,
    ...(status.error === undefined ? [] : ['', `Error: ${status.error}`]),
    ...(result?.warnings ?? []).map((warning) => `\nNote: ${warning}`),
    ...(result?.synthesis === undefined ? [] : synthesisLines(result.synthesis)),
    ...(result === undefined ? [] : result.parallel_tasks.flatMap(taskLines)),
    ...(result === undefined ? [] : [...matrixLines(result), ...measuredLines(result)]),
  ];
  return `${lines.join('\n')}\n`;
}
