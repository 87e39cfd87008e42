import { Button, Tooltip } from '@mantine/core';
import { IconPlayerStop } from '@tabler/icons-react';
import { useMutation } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { type AgentIdentity, identifyAgents } from '../../shared/agents.ts';
import { cancelRun } from '../../shared/api.ts';
import { formatClock, formatCount, formatDuration, formatExact, plural } from '../../shared/format.ts';
import { RunStateMark } from '../../shared/marks.tsx';
import { queryClient, useCatalog, useFinishedRun } from '../../shared/queries.ts';
import { countSteps, countTokens } from '../../shared/run-numbers.ts';
import { type FollowedRun, useRunStream } from '../../shared/run-stream.ts';
import { type RunView, isEnded } from '../../shared/run-view.ts';
import { ErrorNote, Failure, Lines } from '../../shared/states.tsx';
import { useNow } from '../../shared/use-now.ts';
import { Answers } from './answers.tsx';
import { Lanes } from './lanes.tsx';
import { Matrix } from './matrix.tsx';
import { Metrics } from './metrics.tsx';
import { RunActions } from './run-actions.tsx';
import css from './run-panel.module.css';
import { SynthesisView } from './synthesis-view.tsx';

/** The running time: from the server's own clock once the run has ended, else counted here. */
function Elapsed({ view }: { readonly view: RunView }) {
  const ended = view.endedAt === undefined ? undefined : Date.parse(view.endedAt);
  const now = useNow(500, view.startedAt !== undefined && ended === undefined);
  if (view.startedAt === undefined) return null;
  const started = Date.parse(view.startedAt);
  return (
    <Tooltip label={`Started ${formatExact(view.startedAt)}`}>
      <span className={css.number}>
        {ended === undefined ? formatClock(now - started) : formatDuration(ended - started)}
      </span>
    </Tooltip>
  );
}

function Steps({ view }: { readonly view: RunView }) {
  const { finished, total } = countSteps(view);
  if (total === 0) return null;
  return (
    <div className={css.steps}>
      <div
        className={css.segments}
        role="progressbar"
        aria-label="Finished steps"
        aria-valuemin={0}
        aria-valuemax={total}
        aria-valuenow={finished}
      >
        {Array.from({ length: total }, (_, index) => (
          <i key={index} data-filled={index < finished || undefined} />
        ))}
      </div>
      <span className={css.dim}>{`${finished} of ${plural(total, 'step')}`}</span>
    </div>
  );
}

function CancelButton({ id }: { readonly id: string }) {
  const cancel = useMutation({ mutationFn: () => cancelRun(id) });
  return (
    <>
      <Button
        size="sm"
        variant="default"
        leftSection={<IconPlayerStop size={16} stroke={1.5} />}
        loading={cancel.isPending}
        onClick={() => cancel.mutate()}
      >
        Cancel
      </Button>
      {cancel.error === null ? null : <Failure error={cancel.error} />}
    </>
  );
}

function Header({ view }: { readonly view: RunView }) {
  const tokens = countTokens(view);
  const ended = isEnded(view.status);
  return (
    <header className={css.header}>
      <div className={css.headline}>
        <h1 className={css.topic}>{view.topic === '' ? 'Waiting for the run to start' : view.topic}</h1>
        <div className={css.actions}>{ended ? <RunActions view={view} /> : <CancelButton id={view.id} />}</div>
      </div>
      <div className={css.facts}>
        <span role="status" aria-live="polite">
          <RunStateMark state={view.status} />
        </span>
        <Elapsed view={view} />
        <Tooltip label={`${formatCount(tokens.input)} read, ${formatCount(tokens.output)} written`}>
          <span className={css.number}>{plural(tokens.input + tokens.output, 'token')}</span>
        </Tooltip>
        {view.model === undefined ? null : <span className={css.dim}>{view.model.name}</span>}
        {ended ? null : <Steps view={view} />}
      </div>
    </header>
  );
}

function Notices({ view }: { readonly view: RunView }) {
  const substituted = view.model?.substituted_because;
  const resumed =
    view.resumptions === 0
      ? []
      : [`The run went on after a restart (${plural(view.resumptions, 'time')}); finished steps were kept.`];
  const notices = [...new Set([...(substituted === undefined ? [] : [substituted]), ...resumed, ...view.warnings])];
  if (notices.length === 0) return null;
  return (
    <ul className={css.notices}>
      {notices.map((notice) => (
        <li key={notice}>{notice}</li>
      ))}
    </ul>
  );
}

/** Why there is no whole result; a cancel was somebody's wish and is no fault. */
function Ending({ view }: { readonly view: RunView }) {
  if (view.status === 'cancelled')
    return <p className={css.notices}>This run was cancelled. What the agents had written until then stays here.</p>;
  return view.error === undefined ? null : <ErrorNote error={view.error} />;
}

function Result({
  view,
  agents,
}: {
  readonly view: RunView;
  readonly agents: Readonly<Record<string, AgentIdentity>>;
}) {
  const finished = useFinishedRun(view.id, isEnded(view.status));
  const result = finished.data?.result;
  const synthesisError = result?.synthesis_error ?? view.lanes['synthesis']?.error;
  return (
    <>
      <Ending view={view} />
      {view.synthesis === undefined ? null : <SynthesisView synthesis={view.synthesis} view={view} agents={agents} />}
      {view.synthesis === undefined && synthesisError !== undefined ? <ErrorNote error={synthesisError} /> : null}
      {result === undefined ? null : <Metrics summary={result.execution_summary} />}
      <Answers view={view} agents={agents} />
      <Matrix view={view} agents={agents} />
    </>
  );
}

function Body({ view, agents }: { readonly view: RunView; readonly agents: Readonly<Record<string, AgentIdentity>> }) {
  if (view.perspectives.length === 0)
    return view.error === undefined ? <Lines count={3} height={120} /> : <ErrorNote error={view.error} />;
  if (!isEnded(view.status)) return <Lanes view={view} agents={agents} />;
  return <Result view={view} agents={agents} />;
}

function useRunsRefresh(view: RunView): void {
  const { status } = view;
  useEffect(() => {
    void queryClient.invalidateQueries({ queryKey: ['runs'] });
  }, [status]);
}

interface RunPanelProps {
  readonly id: string;
  /** What stands under the header in place of the result, by the followed run. */
  readonly below?: (
    followed: FollowedRun,
    agents: Readonly<Record<string, AgentIdentity>>,
    result: ReactNode,
  ) => ReactNode;
}

/** One run, live or past: the same view at any time. */
export function RunPanel({ id, below }: RunPanelProps) {
  const followed = useRunStream(id);
  const catalog = useCatalog();
  const { view } = followed;
  useRunsRefresh(view);
  if (followed.fault !== undefined) return <Failure error={followed.fault} />;
  const agents = identifyAgents(view.perspectives, catalog.data?.perspectives ?? []);
  const body = <Body view={view} agents={agents} />;
  return (
    <article className={css.panel}>
      <Header view={view} />
      {followed.connection === 'lost' ? (
        <p className={css.lost} role="status">
          The live stream broke off; it goes on from event {view.lastSequence} when the server answers.
        </p>
      ) : null}
      <Notices view={view} />
      {below === undefined ? body : below(followed, agents, body)}
    </article>
  );
}
