import { createHash } from 'node:crypto';
import { BigboxError, type ErrorCode } from '../contracts/errors.ts';
import type { ModelWish } from '../contracts/ports.ts';
import type { ParallelRequest } from '../contracts/runs.ts';
import type { StoredRequest } from '../store/index.ts';
import type { Catalog } from './catalog.ts';

/** What old clients that name no role get. */
const defaultRole = 'Multi-Agent Analyst';

interface Named {
  readonly id: string;
  readonly name: string;
  readonly selected_by_default: boolean;
}

/**
 * Checks a request against the catalogue and fills in what it leaves out. Names of the catalogue are taken in any case, by id or
 * name; any role is taken. Throws PERSPECTIVE_UNKNOWN, DOMAIN_UNKNOWN with the names that exist.
 */
export function acceptRequest(request: ParallelRequest, catalog: Catalog): StoredRequest {
  const role = request.role?.trim() ?? '';
  const overallRole = request.overall_role?.trim() ?? '';
  return {
    ...request,
    perspectives: choose(request.perspectives, catalog.perspectives, {
      code: 'PERSPECTIVE_UNKNOWN',
      noun: 'perspective',
    }),
    domains: choose(request.domains, catalog.domains, { code: 'DOMAIN_UNKNOWN', noun: 'domain' }),
    role: role === '' ? defaultRole : role,
    overall_role: overallRole === '' ? defaultRole : overallRole,
  };
}

function choose(
  asked: readonly string[] | undefined,
  known: readonly Named[],
  failure: { readonly code: ErrorCode; readonly noun: string },
): string[] {
  if (asked === undefined) return known.filter((entry) => entry.selected_by_default).map((entry) => entry.id);
  const ids = asked.map((name) => {
    const wanted = toKey(name);
    const found = known.find((entry) => toKey(entry.id) === wanted || toKey(entry.name) === wanted);
    if (found !== undefined) return found.id;
    const allowed = known.map((entry) => entry.id);
    throw new BigboxError(failure.code, {
      message: `There is no ${failure.noun} "${name}"; expected one of ${allowed.join(', ')}.`,
      context: { name, allowed },
    });
  });
  return [...new Set(ids)];
}

const toKey = (name: string): string =>
  name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, '_');

/** What a request asks of the model. */
export function toModelWish(request: ParallelRequest): ModelWish {
  const { llm_provider: provider, llm_model: selected, llm_base_url: baseUrl } = request.llm_config ?? {};
  const name = request.model ?? selected;
  return {
    ...(provider === undefined ? {} : { provider }),
    ...(name === undefined ? {} : { name }),
    ...(baseUrl === undefined ? {} : { baseUrl }),
  };
}

/** A hash that is the same for values that are equal as JSON, whatever the order of their keys. */
export const hashOf = (value: unknown): string =>
  createHash('sha256').update(JSON.stringify(value, sortKeys)).digest('hex');

function sortKeys(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).toSorted(([left], [right]) => (left < right ? -1 : 1)));
}
