import { Link } from '@tanstack/react-router';
import type { PerspectiveAnswer } from '../../../../src/contracts/analysis.ts';
import type { AgentIdentity } from '../../shared/agents.ts';
import { formatDuration, plural } from '../../shared/format.ts';
import { AgentSign, AgentStateMark } from '../../shared/marks.tsx';
import { countTokens } from '../../shared/run-numbers.ts';
import type { LaneView, RunView } from '../../shared/run-view.ts';
import css from './answers.module.css';
import { CodeRuns } from './code-runs.tsx';
import { LaneText } from './lane-text.tsx';
import { pointElementId, pointSections } from './points.ts';

function Points({ answer }: { readonly answer: PerspectiveAnswer }) {
  return pointSections.map(({ key, title }) =>
    answer[key].length === 0 ? null : (
      <div key={key}>
        <h3 className={css.title}>{title}</h3>
        <ol className={css.points}>
          {answer[key].map((point) => (
            <li key={point.id} id={pointElementId(point.id)} tabIndex={-1} className={css.point}>
              {point.text}
            </li>
          ))}
        </ol>
      </div>
    ),
  );
}

function describeWork(view: RunView, lane: LaneView): string {
  const tokens = countTokens(view, lane.agent);
  const worked =
    lane.startedAt !== undefined && lane.endedAt !== undefined
      ? Date.parse(lane.endedAt) - Date.parse(lane.startedAt)
      : undefined;
  return [
    worked === undefined ? undefined : formatDuration(worked),
    plural(tokens.output, 'token'),
    lane.answer?.revised === true ? 'revised after its code ran' : undefined,
  ]
    .filter((part) => part !== undefined)
    .join(', ');
}

function AnswerBody({ lane, agent }: { readonly lane: LaneView; readonly agent: AgentIdentity }) {
  if (lane.answer === undefined) return <LaneText lane={lane} agentName={agent.name} />;
  return (
    <>
      <p>{lane.answer.summary}</p>
      <Points answer={lane.answer} />
    </>
  );
}

function AnswerCard(props: { readonly view: RunView; readonly lane: LaneView; readonly agent: AgentIdentity }) {
  const { view, lane, agent } = props;
  return (
    <section
      className={css.card}
      style={{ '--agent': agent.color } as React.CSSProperties}
      aria-label={agent.name}
      data-agent={agent.id}
    >
      <header className={css.head}>
        <AgentSign agent={agent} />
        <h2 className={css.name}>{agent.name}</h2>
        {lane.state === 'done' ? null : <AgentStateMark state={lane.state} />}
        <span className={css.work}>{describeWork(view, lane)}</span>
      </header>
      {lane.error === undefined ? null : (
        <div className={css.failed}>
          <p>
            {lane.error.message} {lane.error.remedy} <span className={css.work}>({lane.error.code})</span>
          </p>
          <Link
            to="/parallelization/"
            search={{ topic: view.topic, perspectives: agent.id, domains: view.domains.join(',') }}
          >
            Try again
          </Link>
        </div>
      )}
      <AnswerBody lane={lane} agent={agent} />
      <CodeRuns executions={lane.executions} folded />
    </section>
  );
}

/** What each perspective found, side by side. */
export function Answers({
  view,
  agents,
}: {
  readonly view: RunView;
  readonly agents: Readonly<Record<string, AgentIdentity>>;
}) {
  return (
    <div className={css.cards} data-count={Math.min(3, view.perspectives.length)}>
      {view.perspectives.map((id) => {
        const lane = view.lanes[id];
        const agent = agents[id];
        return lane === undefined || agent === undefined ? null : (
          <AnswerCard key={id} view={view} lane={lane} agent={agent} />
        );
      })}
    </div>
  );
}
