import type { Perspective } from '../../../src/contracts/analysis.ts';
import { synthesisAgent } from './run-view.ts';

/** How an agent appears everywhere: name, short mark, colour. */
export interface AgentIdentity {
  readonly id: string;
  readonly name: string;
  readonly mark: string;
  /** A CSS colour that text on every ground can have. */
  readonly color: string;
}

function distinguish(name: string, others: readonly string[]): string {
  const alike = others.filter((other) => other.charAt(0) === name.charAt(0));
  if (alike.length === 0) return name.charAt(0);
  const at = name.split('').findIndex((letter, index) => alike.every((other) => other.charAt(index) !== letter));
  return name.charAt(0) + (at === -1 ? '' : name.charAt(at));
}

const fallbackName = (id: string): string => id.charAt(0).toUpperCase() + id.slice(1).replaceAll('_', ' ');

/** Gives every agent its name, colour and a mark that no other has: `A`, or `Ce` and `Ci` for Creative and Critical. */
export function identifyAgents(
  ids: readonly string[],
  catalog: readonly Perspective[],
): Readonly<Record<string, AgentIdentity>> {
  const found = ids.map((id) => catalog.find((one) => one.id === id));
  const names = ids.map((id, index) => found[index]?.name ?? fallbackName(id));
  const perspectives = ids.map((id, index): AgentIdentity => {
    const name = names[index] ?? id;
    const color = found[index]?.color;
    return {
      id,
      name,
      mark: distinguish(
        name,
        names.filter((_, other) => other !== index),
      ),
      color: color === undefined ? 'var(--ink-dim)' : `var(--agent-${color})`,
    };
  });
  const synthesis = { id: synthesisAgent, name: 'Synthesis', mark: 'Σ', color: 'var(--ink-text)' };
  return Object.fromEntries([...perspectives, synthesis].map((one) => [one.id, one]));
}
