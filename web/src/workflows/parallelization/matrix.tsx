import { type Aspect, type Level, aspects } from '../../../../src/contracts/analysis.ts';
import type { AgentIdentity } from '../../shared/agents.ts';
import { AgentSign } from '../../shared/marks.tsx';
import type { RunView } from '../../shared/run-view.ts';
import css from './matrix.module.css';

const heights: Readonly<Record<Level, number>> = { low: 1, medium: 2, high: 3 };

function LevelMark({ level }: { readonly level: Level }) {
  return (
    <span className={css.level}>
      <span className={css.bars} aria-hidden>
        {[1, 2, 3].map((step) => (
          <i key={step} data-filled={step <= heights[level] || undefined} />
        ))}
      </span>
      {level}
    </span>
  );
}

/** `risk_level` as `Risk level`. */
function nameAspect(aspect: Aspect): string {
  const words = aspect.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
}

/** What the model thinks of its own answers: five aspects by perspective, and how sure it says it is. */
export function Matrix({
  view,
  agents,
}: {
  readonly view: RunView;
  readonly agents: Readonly<Record<string, AgentIdentity>>;
}) {
  const columns = view.perspectives.flatMap((id) => {
    const agent = agents[id];
    const opinion = view.lanes[id]?.answer?.opinion;
    return agent === undefined || opinion === undefined ? [] : [{ agent, opinion }];
  });
  if (columns.length === 0) return null;
  return (
    <section className={css.matrix} aria-labelledby="matrix">
      <h2 id="matrix" className={css.title}>
        Comparison <span className={css.note}>the model's own opinion, not a measurement</span>
      </h2>
      <div className={css.scroll} tabIndex={0} role="region" aria-label="Comparison table">
        <table className={css.table}>
          <thead>
            <tr>
              <th scope="col">Aspect</th>
              {columns.map(({ agent }) => (
                <th key={agent.id} scope="col" style={{ '--agent': agent.color } as React.CSSProperties}>
                  <span className={css.column}>
                    <AgentSign agent={agent} />
                    {agent.name}
                  </span>
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {aspects.map((aspect: Aspect) => (
              <tr key={aspect}>
                <th scope="row">{nameAspect(aspect)}</th>
                {columns.map(({ agent, opinion }) => (
                  <td key={agent.id}>
                    <LevelMark level={opinion.matrix[aspect]} />
                  </td>
                ))}
              </tr>
            ))}
            <tr>
              <th scope="row">Stated confidence</th>
              {columns.map(({ agent, opinion }) => (
                <td key={agent.id}>{`${Math.round(opinion.confidence * 100)} %`}</td>
              ))}
            </tr>
          </tbody>
        </table>
      </div>
    </section>
  );
}
