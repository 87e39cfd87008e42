import { Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { AgentIdentity } from '../../shared/agents.ts';
import { formatClock, formatCount, plural } from '../../shared/format.ts';
import { AgentSign, AgentStateMark } from '../../shared/marks.tsx';
import { countSettled, countTokens } from '../../shared/run-numbers.ts';
import { type LaneView, type RunView, synthesisAgent } from '../../shared/run-view.ts';
import { useNow } from '../../shared/use-now.ts';
import { CodeRuns } from './code-runs.tsx';
import css from './lanes.module.css';
import { LaneText } from './lane-text.tsx';

function LaneClock({ lane }: { readonly lane: LaneView }) {
  const ended = lane.endedAt === undefined ? undefined : Date.parse(lane.endedAt);
  const now = useNow(500, lane.startedAt !== undefined && ended === undefined);
  if (lane.startedAt === undefined) return null;
  return <span>{formatClock((ended ?? now) - Date.parse(lane.startedAt))}</span>;
}

interface LaneProps {
  readonly lane: LaneView;
  readonly agent: AgentIdentity;
  readonly tokens: { readonly input: number; readonly output: number };
  readonly word?: string | undefined;
  /** The address of a form that asks this agent alone again. */
  readonly again?: { readonly topic: string; readonly perspectives: string; readonly domains: string } | undefined;
}

function LaneHead({ lane, agent, tokens, word }: LaneProps) {
  return (
    <header className={css.head}>
      <AgentSign agent={agent} />
      <h2 className={css.name}>{agent.name}</h2>
      <span className={css.state} role="status" aria-live="polite" aria-label={`${agent.name}: ${word ?? lane.state}`}>
        <AgentStateMark state={lane.state} word={word} />
      </span>
      <span className={css.numbers}>
        {tokens.output === 0 && tokens.input === 0 ? null : (
          <Tooltip label={`${formatCount(tokens.input)} read, ${formatCount(tokens.output)} written`}>
            <span>{plural(tokens.output, 'token')}</span>
          </Tooltip>
        )}
        <LaneClock lane={lane} />
      </span>
    </header>
  );
}

function Lane(props: LaneProps) {
  const { lane, agent } = props;
  return (
    <section
      className={css.lane}
      style={{ '--agent': agent.color } as React.CSSProperties}
      aria-label={agent.name}
      data-agent={agent.id}
    >
      <LaneHead {...props} />
      {lane.error === undefined ? null : (
        <div className={css.failed}>
          <p>{lane.error.message}</p>
          <p className={css.remedy}>{lane.error.remedy}</p>
          <p className={css.code}>{lane.error.code}</p>
          {props.again === undefined ? null : (
            <Link to="/parallelization/" search={props.again}>
              Try again
            </Link>
          )}
        </div>
      )}
      <CodeRuns executions={lane.executions} />
      <LaneText lane={lane} agentName={agent.name} />
    </section>
  );
}

function synthesisWord(view: RunView, lane: LaneView): string | undefined {
  if (lane.state !== 'waiting') return undefined;
  const open = view.perspectives.length - countSettled(view);
  return open > 0 ? `waits for ${open} of ${view.perspectives.length}` : undefined;
}

/** One live lane for each perspective, and the lane of the synthesis under them. */
export function Lanes({
  view,
  agents,
}: {
  readonly view: RunView;
  readonly agents: Readonly<Record<string, AgentIdentity>>;
}) {
  const draw = (id: string) => {
    const lane = view.lanes[id];
    const agent = agents[id];
    if (lane === undefined || agent === undefined) return null;
    const again = { topic: view.topic, perspectives: id, domains: view.domains.join(',') };
    return (
      <Lane
        key={id}
        lane={lane}
        agent={agent}
        tokens={countTokens(view, id)}
        word={id === synthesisAgent ? synthesisWord(view, lane) : undefined}
        again={id === synthesisAgent ? undefined : again}
      />
    );
  };
  return (
    <>
      <div className={css.lanes}>{view.perspectives.map(draw)}</div>
      {draw(synthesisAgent)}
    </>
  );
}
