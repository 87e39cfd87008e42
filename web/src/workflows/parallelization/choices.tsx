import { Tooltip } from '@mantine/core';
import type { Domain, Perspective } from '../../../../src/contracts/analysis.ts';
import { identifyAgents } from '../../shared/agents.ts';
import { AgentSign } from '../../shared/marks.tsx';
import css from './choices.module.css';

interface ChoiceProps<TItem> {
  readonly all: readonly TItem[];
  readonly on: readonly string[];
  readonly onChange: (on: readonly string[]) => void;
}

/** Switches one id while the catalogue's order stays. */
function toggled<TItem extends { readonly id: string }>(props: ChoiceProps<TItem>, id: string): readonly string[] {
  const next = new Set(props.on);
  if (!next.delete(id)) next.add(id);
  return props.all.map((one) => one.id).filter((one) => next.has(one));
}

/** One card for each perspective, on or off. */
export function PerspectiveCards(props: ChoiceProps<Perspective>) {
  const agents = identifyAgents(
    props.all.map((one) => one.id),
    props.all,
  );
  return (
    <fieldset className={css.group}>
      <legend className={css.legend}>
        Perspectives{' '}
        <span className={css.count}>{`${props.on.length} of ${props.all.length} on, each is an agent of its own`}</span>
      </legend>
      <div className={css.cards}>
        {props.all.map((one) => {
          const agent = agents[one.id];
          if (agent === undefined) return null;
          return (
            <Tooltip key={one.id} label={one.description} openDelay={600}>
              <label className={css.card} style={{ '--agent': agent.color } as React.CSSProperties}>
                <input
                  type="checkbox"
                  className={css.box}
                  checked={props.on.includes(one.id)}
                  onChange={() => props.onChange(toggled(props, one.id))}
                />
                <span className={css.name}>
                  <AgentSign agent={agent} />
                  {one.name}
                </span>
                <span className={css.focus}>{one.focus}</span>
              </label>
            </Tooltip>
          );
        })}
      </div>
    </fieldset>
  );
}

/** One chip for each domain, on or off. */
export function DomainChips(props: ChoiceProps<Domain>) {
  return (
    <fieldset className={css.group}>
      <legend className={css.legend}>
        Domains <span className={css.count}>what every agent keeps in view</span>
      </legend>
      <div className={css.chips}>
        {props.all.map((one) => (
          <Tooltip key={one.id} label={one.focus} openDelay={600}>
            <label className={css.chip}>
              <input
                type="checkbox"
                className={css.box}
                checked={props.on.includes(one.id)}
                onChange={() => props.onChange(toggled(props, one.id))}
              />
              {one.name}
            </label>
          </Tooltip>
        ))}
      </div>
    </fieldset>
  );
}
