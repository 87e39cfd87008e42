import { ActionIcon, CopyButton, Tooltip } from '@mantine/core';
import { IconCheck, IconCopy } from '@tabler/icons-react';
import type { CodeRun } from '../../../../src/contracts/analysis.ts';
import { formatDuration } from '../../shared/format.ts';
import type { ExecutionView } from '../../shared/run-view.ts';
import css from './code-runs.module.css';

function describeOutcome({ result }: CodeRun): string {
  const how = {
    exited: `exit ${result.exit_code}`,
    'timed-out': 'stopped at its time limit',
    cancelled: 'cancelled',
    'vm-lost': 'the microVM died',
  };
  return `${how[result.outcome]}, ${formatDuration(result.duration_ms)}`;
}

function describe(one: ExecutionView): string {
  if (one.state === 'running') return `running ${one.language} in a microVM`;
  if (one.run !== undefined) return `ran ${one.language}, ${describeOutcome(one.run)}`;
  return `${one.language} did not run`;
}

function CopyMark({ value, label }: { readonly value: string; readonly label: string }) {
  return (
    <CopyButton value={value}>
      {({ copied, copy }) => (
        <Tooltip label={copied ? 'Copied' : label}>
          <ActionIcon variant="subtle" color="gray" size="sm" aria-label={label} onClick={copy}>
            {copied ? <IconCheck size={14} stroke={1.5} /> : <IconCopy size={14} stroke={1.5} />}
          </ActionIcon>
        </Tooltip>
      )}
    </CopyButton>
  );
}

function Output({ one }: { readonly one: ExecutionView }) {
  const recorded = one.run?.result;
  const pieces =
    one.output.length > 0 || recorded === undefined
      ? one.output
      : [
          { stream: 'stdout' as const, text: recorded.stdout },
          { stream: 'stderr' as const, text: recorded.stderr },
        ];
  const shown = pieces.filter((piece) => piece.text !== '');
  if (shown.length === 0) return one.state === 'running' ? null : <p className={css.none}>No output</p>;
  return (
    <pre className={css.output} tabIndex={0} aria-label="Output">
      {shown.map((piece, index) => (
        <span key={index} data-stream={piece.stream}>
          {piece.text}
        </span>
      ))}
      {recorded?.truncated === true ? <span className={css.cut}>{'\n'}Output was cut at its limit.</span> : null}
    </pre>
  );
}

function Execution({ one, open }: { readonly one: ExecutionView; readonly open: boolean }) {
  return (
    <details className={css.execution} open={open}>
      <summary className={css.summary}>
        <span
          className={css.word}
          data-state={one.run !== undefined && one.run.result.exit_code !== 0 ? 'failed' : one.state}
        >
          {describe(one)}
        </span>
      </summary>
      <span className={css.copy}>
        <CopyMark value={one.code} label="Copy the code" />
      </span>
      <pre className={css.code} tabIndex={0} aria-label="Code">
        {one.code}
      </pre>
      <Output one={one} />
      {one.error === undefined ? null : (
        <p className={css.error}>
          {one.error.message} {one.error.remedy} ({one.error.code})
        </p>
      )}
    </details>
  );
}

/** The programs that an agent had run: code on top, output below, each with a scroll of its own. */
export function CodeRuns({
  executions,
  folded = false,
}: {
  readonly executions: readonly ExecutionView[];
  readonly folded?: boolean;
}) {
  if (executions.length === 0) return null;
  return (
    <div className={css.executions}>
      {executions.map((one) => (
        <Execution key={one.execution} one={one} open={!folded} />
      ))}
    </div>
  );
}
