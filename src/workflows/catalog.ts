import { z } from 'zod';
import { Domain, Perspective } from '../contracts/analysis.ts';
import { BigboxError } from '../contracts/errors.ts';
import domains from './catalog/domains.json' with { type: 'json' };
import perspectives from './catalog/perspectives.json' with { type: 'json' };

/** The perspectives and domains that a run can be asked for. */
export interface Catalog {
  readonly perspectives: readonly Perspective[];
  readonly domains: readonly Domain[];
}

const Schema = z.object({ perspectives: z.array(Perspective).min(1), domains: z.array(Domain).min(1) });

/** Reads the catalogue that is shipped in `catalog/*.json`. Throws CONFIG_INVALID when it does not have the form of the contract. */
export function loadCatalog(): Catalog {
  const parsed = Schema.safeParse({ perspectives, domains });
  if (parsed.success) return parsed.data;
  throw new BigboxError('CONFIG_INVALID', {
    message: `The catalogue of perspectives and domains is not valid: ${z.prettifyError(parsed.error)}`,
    cause: parsed.error,
  });
}
