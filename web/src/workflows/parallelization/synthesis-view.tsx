import { HoverCard } from '@mantine/core';
import type { CitedStatement, Synthesis } from '../../../../src/contracts/analysis.ts';
import type { AgentIdentity } from '../../shared/agents.ts';
import { AgentSign } from '../../shared/marks.tsx';
import type { RunView } from '../../shared/run-view.ts';
import { type CitedPoint, findPoint, pointElementId } from './points.ts';
import css from './synthesis-view.module.css';

type Agents = Readonly<Record<string, AgentIdentity>>;

function showPoint(id: string): void {
  const element = document.querySelector<HTMLElement>(`#${CSS.escape(pointElementId(id))}`);
  element?.scrollIntoView({ block: 'center', behavior: 'smooth' });
  element?.focus({ preventScroll: true });
}

function CitationMark({ point, agent }: { readonly point: CitedPoint; readonly agent: AgentIdentity }) {
  return (
    <HoverCard position="top">
      <HoverCard.Target>
        <button
          type="button"
          className={css.mark}
          style={{ '--agent': agent.color } as React.CSSProperties}
          aria-label={`Source: ${agent.name}, ${point.section} ${point.number}`}
          onClick={() => showPoint(point.id)}
        >
          {agent.mark}
          <sub>{point.number}</sub>
        </button>
      </HoverCard.Target>
      <HoverCard.Dropdown>
        <span className={css.source}>
          <AgentSign agent={agent} />
          {`${agent.name}, ${point.section.toLowerCase()} ${point.number}`}
        </span>
        <p>{point.text}</p>
      </HoverCard.Dropdown>
    </HoverCard>
  );
}

function Statement(props: { readonly statement: CitedStatement; readonly view: RunView; readonly agents: Agents }) {
  const points = props.statement.cites.map((id) => findPoint(props.view, id)).filter((point) => point !== undefined);
  return (
    <li className={css.statement}>
      {props.statement.text}
      <span className={css.marks}>
        {points.map((point) => {
          const agent = props.agents[point.agent];
          return agent === undefined ? null : <CitationMark key={point.id} point={point} agent={agent} />;
        })}
      </span>
    </li>
  );
}

const sections = [
  { key: 'convergent_findings', title: 'Convergent findings', note: 'where the perspectives agree' },
  { key: 'divergent_views', title: 'Divergent views', note: 'where they do not' },
  { key: 'priorities', title: 'Priorities', note: 'what to do first' },
  { key: 'success_factors', title: 'Success factors', note: 'what it depends on' },
] as const;

/** What the perspectives add up to; every statement carries the marks of its sources. */
export function SynthesisView(props: {
  readonly synthesis: Synthesis;
  readonly view: RunView;
  readonly agents: Agents;
}) {
  return (
    <section className={css.synthesis} aria-label="Synthesis">
      <p className={css.summary}>{props.synthesis.summary}</p>
      <div className={css.sections}>
        {sections.map(({ key, title, note }) => (
          <section key={key} className={css.section}>
            <h2 className={css.title}>
              {title} <span className={css.note}>{note}</span>
            </h2>
            {props.synthesis[key].length === 0 ? (
              <p className={css.note}>None found.</p>
            ) : (
              <ol className={css.statements}>
                {props.synthesis[key].map((statement, index) => (
                  <Statement key={index} statement={statement} view={props.view} agents={props.agents} />
                ))}
              </ol>
            )}
          </section>
        ))}
      </div>
    </section>
  );
}
