import { Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { RunStatus } from '../../../src/contracts/runs.ts';
import { formatAge, formatClock, formatCount, formatDuration, formatExact, plural } from '../shared/format.ts';
import { RunStateMark } from '../shared/marks.tsx';
import { useRuns } from '../shared/queries.ts';
import { isEnded } from '../shared/run-view.ts';
import { Empty, Failure, Lines } from '../shared/states.tsx';
import { useNow } from '../shared/use-now.ts';
import css from './run-history.module.css';

function timeOf(run: RunStatus, now: number): number {
  return (run.completed_at === undefined ? now : Date.parse(run.completed_at)) - Date.parse(run.started_at);
}

function Row({ run, now }: { readonly run: RunStatus; readonly now: number }) {
  const tokens = run.tokens.input + run.tokens.output;
  return (
    <li>
      <Link to="/runs/$id" params={{ id: run.id }} className={css.row}>
        <span className={css.topic}>{run.topic}</span>
        <span className={css.state}>
          <RunStateMark state={run.status} />
        </span>
        <span className={css.detail}>
          {isEnded(run.status)
            ? plural(run.perspectives.length, 'perspective')
            : `${run.steps.finished} of ${plural(run.steps.total, 'step')}`}
        </span>
        <span className={css.number}>{`${formatCount(tokens)} tokens`}</span>
        <span className={css.number}>
          {isEnded(run.status) ? formatDuration(timeOf(run, now)) : formatClock(timeOf(run, now))}
        </span>
        <Tooltip label={formatExact(run.started_at)}>
          <time className={css.age} dateTime={run.started_at}>
            {formatAge(run.started_at, now)}
          </time>
        </Tooltip>
      </Link>
    </li>
  );
}

/** The runs, newest first, with state, tokens, time and age. */
export function RunHistory({ limit }: { readonly limit?: number }) {
  const runs = useRuns();
  const now = useNow(1000);
  if (runs.data === undefined)
    return runs.error === null ? (
      <Lines count={4} height={44} />
    ) : (
      <Failure error={runs.error} onRetry={() => void runs.refetch()} />
    );
  if (runs.data.length === 0)
    return (
      <Empty title="No runs yet">
        Write a topic and start the first one. Every run is kept here, with its text and its numbers.
      </Empty>
    );
  return (
    <ul className={css.rows}>
      {runs.data.slice(0, limit).map((run) => (
        <Row key={run.id} run={run} now={now} />
      ))}
    </ul>
  );
}
