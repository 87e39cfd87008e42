import { Tooltip } from '@mantine/core';
import type { AgentIdentity } from '../shared/agents.ts';
import { formatDuration, formatExact, plural } from '../shared/format.ts';
import { AgentSign } from '../shared/marks.tsx';
import { type RunView, type StepView, isEnded } from '../shared/run-view.ts';
import { Empty } from '../shared/states.tsx';
import { useNow } from '../shared/use-now.ts';
import css from './timeline.module.css';

interface Span {
  readonly from: number;
  readonly length: number;
}

const stepEnd = (step: StepView, now: number): number => (step.endedAt === undefined ? now : Date.parse(step.endedAt));

function describeStep(step: StepView): string {
  return [
    step.state === 'running' ? 'running' : undefined,
    step.durationMs === undefined ? undefined : formatDuration(step.durationMs),
    step.usage === undefined
      ? undefined
      : `${plural(step.usage.input, 'token')} read, ${plural(step.usage.output, 'token')} written`,
    step.repeated ? `attempt ${step.attempt}: made again after a process ended` : undefined,
    step.error === undefined ? undefined : `${step.error.message} (${step.error.code})`,
  ]
    .filter((part) => part !== undefined)
    .join('. ');
}

/** The agent's name and the last part of the step's path, where it says more. */
function nameStep(step: StepView, agent: AgentIdentity): string {
  const last = step.step.replace(/^perspectives\/[^/]+\//, '').replaceAll('/', ' ');
  return last === agent.id ? agent.name : `${agent.name}: ${last}`;
}

function Bar({
  step,
  span,
  now,
  agent,
}: {
  readonly step: StepView;
  readonly span: Span;
  readonly now: number;
  readonly agent: AgentIdentity;
}) {
  const from = (Date.parse(step.startedAt) - span.from) / span.length;
  const width = (stepEnd(step, now) - Date.parse(step.startedAt)) / span.length;
  return (
    <li className={css.row} style={{ '--agent': agent.color } as React.CSSProperties}>
      <span className={css.label}>
        <AgentSign agent={agent} />
        <span className={css.step}>{nameStep(step, agent)}</span>
      </span>
      <Tooltip label={`${describeStep(step)}. Started ${formatExact(step.startedAt)}.`}>
        <span className={css.track} tabIndex={0}>
          <span
            className={css.bar}
            data-state={step.state}
            style={{ left: `${from * 100}%`, width: `max(3px, ${width * 100}%)` }}
          />
        </span>
      </Tooltip>
      <span className={css.time}>
        {formatDuration(step.durationMs ?? stepEnd(step, now) - Date.parse(step.startedAt))}
      </span>
    </li>
  );
}

/** One bar for each step, on one common axis of time. */
export function Timeline({
  view,
  agents,
}: {
  readonly view: RunView;
  readonly agents: Readonly<Record<string, AgentIdentity>>;
}) {
  const now = useNow(500, !isEnded(view.status));
  const steps = Object.values(view.steps);
  if (view.startedAt === undefined || steps.length === 0)
    return (
      <Empty title="No step has started yet">
        Each model call and each program gets a bar here as soon as it starts.
      </Empty>
    );
  const from = Date.parse(view.startedAt);
  const end = view.endedAt === undefined ? now : Date.parse(view.endedAt);
  const span = { from, length: Math.max(1, end - from) };
  return (
    <div className={css.timeline}>
      <ol className={css.rows}>
        {steps.map((step) => {
          const agent = agents[step.agent];
          return agent === undefined ? null : <Bar key={step.step} step={step} span={span} now={now} agent={agent} />;
        })}
      </ol>
      <div className={css.axis} aria-hidden>
        {[0, 0.25, 0.5, 0.75, 1].map((part) => (
          <span key={part}>{part === 0 ? '0' : formatDuration(span.length * part)}</span>
        ))}
      </div>
    </div>
  );
}
