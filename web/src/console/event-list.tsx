import type { RunEvent } from '../../../src/contracts/runs.ts';
import type { AgentIdentity } from '../shared/agents.ts';
import { formatDuration, formatExact, plural } from '../shared/format.ts';
import { AgentSign } from '../shared/marks.tsx';
import { Empty } from '../shared/states.tsx';
import css from './event-list.module.css';

interface Line {
  readonly key: number;
  readonly at: string;
  readonly agent?: string;
  readonly type: string;
  readonly text: string;
}

function describeStepEvent(event: RunEvent): string {
  switch (event.type) {
    case 'step-started':
    case 'step-repeated':
      return `${event.step}, attempt ${event.attempt}`;
    case 'step-finished':
      return `${event.step}, ${formatDuration(event.duration_ms)}${event.usage === undefined ? '' : `, ${plural(event.usage.output, 'token')}`}`;
    case 'step-failed':
      return `${event.step}: ${event.error.message} (${event.error.code})`;
    case 'code-started':
      return `program ${event.execution}, ${event.language}`;
    case 'code-output':
      return `${event.stream}: ${JSON.stringify(event.text)}`;
    case 'code-finished':
      return event.run === undefined ? `${event.error?.message ?? ''}` : `exit ${event.run.result.exit_code}`;
    default:
      return '';
  }
}

function describe(event: RunEvent): string {
  switch (event.type) {
    case 'run-started':
      return event.topic;
    case 'run-resumed':
      return event.reason;
    case 'run-finished':
      return event.error === undefined ? event.status : `${event.status}: ${event.error.message}`;
    case 'agent-changed':
      return event.error === undefined ? event.state : `${event.state}: ${event.error.message} (${event.error.code})`;
    case 'answer-available':
      return event.answer.summary;
    case 'synthesis-available':
      return event.synthesis.summary;
    case 'warning':
      return event.message;
    default:
      return describeStepEvent(event);
  }
}

/** Pieces of text come many a second and from all agents at once: those of one agent become one line until something else happens to it. */
function toLines(events: readonly RunEvent[]): readonly Line[] {
  const lines: Line[] = [];
  const open = new Map<string, { readonly at: number; pieces: number; text: string }>();
  for (const event of events) {
    const agent = 'agent' in event ? event.agent : undefined;
    if (event.type !== 'text-delta') {
      if (agent !== undefined) open.delete(agent);
      lines.push({ ...toLine(event), text: describe(event) });
      continue;
    }
    const line = open.get(event.agent) ?? { at: lines.length, pieces: 0, text: '' };
    open.set(event.agent, line);
    line.pieces += 1;
    line.text += event.text;
    lines[line.at] = {
      ...(lines[line.at] ?? toLine(event)),
      type: 'text',
      text: `${plural(line.pieces, 'piece')}: ${line.text}`,
    };
  }
  return lines;
}

const toLine = (event: RunEvent): Line => ({
  key: event.sequence,
  at: event.at,
  ...('agent' in event ? { agent: event.agent } : {}),
  type: event.type,
  text: '',
});

const clock = (at: string): string => new Date(at).toISOString().slice(11, 23);

/** Every event of the run in its order. */
export function EventList({
  events,
  agents,
}: {
  readonly events: readonly RunEvent[];
  readonly agents: Readonly<Record<string, AgentIdentity>>;
}) {
  if (events.length === 0)
    return <Empty title="No event yet">The run has been accepted; its first event comes when it starts.</Empty>;
  return (
    <ol className={css.lines}>
      {toLines(events).map((line) => {
        const agent = line.agent === undefined ? undefined : agents[line.agent];
        return (
          <li key={line.key} className={css.line}>
            <span className={css.sequence}>{line.key}</span>
            <time className={css.at} dateTime={line.at} title={formatExact(line.at)}>
              {clock(line.at)}
            </time>
            <span className={css.agent}>{agent === undefined ? null : <AgentSign agent={agent} />}</span>
            <span className={css.type}>{line.type}</span>
            <span className={css.text}>{line.text}</span>
          </li>
        );
      })}
    </ol>
  );
}
