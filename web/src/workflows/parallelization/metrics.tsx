import { Tooltip } from '@mantine/core';
import type { ParallelResult } from '../../../../src/contracts/analysis.ts';
import { formatCount, formatDuration } from '../../shared/format.ts';
import css from './metrics.module.css';

type Summary = ParallelResult['execution_summary'];

interface Metric {
  readonly label: string;
  readonly value: string;
  /** How it was measured. */
  readonly how: string;
}

const toMetrics = (summary: Summary): readonly Metric[] => [
  {
    label: 'Wall time',
    value: formatDuration(summary.wall_time_ms),
    how: 'From the start of the run to its end, by the clock of the server.',
  },
  {
    label: 'Model time',
    value: formatDuration(summary.model_time_ms),
    how: 'The durations of all model calls added up. Calls side by side count each.',
  },
  {
    label: 'Parallel factor',
    value: summary.parallel_factor.toFixed(2),
    how: 'The durations of all steps added up, divided by the wall time. 1.00 would be one after the other.',
  },
  {
    label: 'Tokens',
    value: formatCount(summary.total_tokens),
    how: `${formatCount(summary.tokens.input)} read and ${formatCount(summary.tokens.output)} written, as the model server counted them.`,
  },
  {
    label: 'VM executions',
    value: formatCount(summary.vm_executions),
    how: 'Programs that really ran, each in a fresh microVM.',
  },
  {
    label: 'Cost',
    value: summary.total_cost === 0 ? 'none' : summary.total_cost.toFixed(4),
    how: 'What the model provider charges for these tokens. A model on this machine charges nothing.',
  },
];

/** The measured numbers of a run, each with how it was measured. */
export function Metrics({ summary }: { readonly summary: Summary }) {
  const repeated: readonly Metric[] =
    summary.repeated_steps === 0
      ? []
      : [
          {
            label: 'Repeated calls',
            value: formatCount(summary.repeated_steps),
            how: 'Calls that were in flight when a process ended, and were made again. Finished steps are never repeated.',
          },
        ];
  return (
    <dl className={css.metrics} aria-label="Measured">
      {[...toMetrics(summary), ...repeated].map((metric) => (
        <Tooltip key={metric.label} label={metric.how} events={{ hover: true, focus: true, touch: true }}>
          <div className={css.metric} tabIndex={0}>
            <dt className={css.label}>{metric.label}</dt>
            <dd className={css.value}>{metric.value}</dd>
          </div>
        </Tooltip>
      ))}
    </dl>
  );
}
