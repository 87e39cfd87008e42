import type { Catalog } from '../../shared/api.ts';
import type { ParallelRequest } from '../../../../src/contracts/runs.ts';

/** What a person has chosen before the start. */
export interface Ask {
  readonly topic: string;
  readonly perspectives: readonly string[];
  readonly domains: readonly string[];
  readonly model: string;
  readonly role: string;
}

/** The part of an address that fills the form: lists are joined by commas. */
export interface AskAddress {
  readonly topic?: string | undefined;
  readonly perspectives?: string | undefined;
  readonly domains?: string | undefined;
  readonly model?: string | undefined;
  readonly role?: string | undefined;
}

interface Choice {
  readonly id: string;
  readonly selected_by_default: boolean;
}

function choose(all: readonly Choice[], wanted: string | undefined): readonly string[] {
  if (wanted === undefined) return all.filter((one) => one.selected_by_default).map((one) => one.id);
  const names = new Set(wanted.split(','));
  return all.filter((one) => names.has(one.id)).map((one) => one.id);
}

/** Fills the form: from the address where it says something, else as the catalogue proposes. Unknown names are left out. */
export const toAsk = (catalog: Catalog, address: AskAddress): Ask => ({
  topic: address.topic ?? '',
  perspectives: choose(catalog.perspectives, address.perspectives),
  domains: choose(catalog.domains, address.domains),
  model: address.model ?? '',
  role: address.role ?? '',
});

/** Writes the choice as the request that starts the run. */
export const toRequest = (ask: Ask): ParallelRequest => ({
  prompt: ask.topic.trim(),
  perspectives: [...ask.perspectives],
  domains: [...ask.domains],
  ...(ask.model.trim() === '' ? {} : { model: ask.model.trim() }),
  ...(ask.role.trim() === '' ? {} : { role: ask.role.trim() }),
});

/** How many model calls a run makes at least: one for every perspective and the synthesis. */
export const countCalls = (ask: Ask): number => ask.perspectives.length + 1;

const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;

/** Writes the request as a curl command; the key comes from the reader's shell and is never part of it. */
export function toCurl(request: ParallelRequest, origin: string): string {
  return [
    `curl -sS ${origin}/api/workflows/parallel`,
    `-H "authorization: Bearer $(bigbox key create)"`,
    `-H 'content-type: application/json'`,
    `-d ${quote(JSON.stringify(request))}`,
  ].join(' \\\n  ');
}
