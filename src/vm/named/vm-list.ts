import { BigboxError } from '../../contracts/errors.ts';
import type { NamedVm } from './named-vm.ts';

/** Which VMs are wanted; every part that is there must hold. */
export interface VmFilter {
  readonly state?: NamedVm['state'];
  readonly name?: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

export interface VmPage {
  /** How many VMs the filter lets through, on all pages. */
  readonly total: number;
  readonly vms: readonly NamedVm[];
  /** Where the next page begins; absent on the last one. */
  readonly nextCursor?: string;
}

interface Place {
  readonly createdMs: number;
  readonly id: string;
}

/**
 * One page of the VMs that a filter lets through, the oldest first. A cursor names the last VM of the page before, so VMs that come and
 * go between two pages move none of the others. Throws INVALID_REQUEST when the cursor is none of ours.
 */
export function selectVms(
  vms: readonly NamedVm[],
  filter: VmFilter,
  { limit, cursor }: { readonly limit: number; readonly cursor?: string },
): VmPage {
  const found = vms
    .filter((vm) => passes(vm, filter))
    .toSorted((left, right) => compare(placeOf(left), placeOf(right)));
  const after = cursor === undefined ? undefined : parseCursor(cursor);
  const rest = after === undefined ? found : found.filter((vm) => compare(placeOf(vm), after) > 0);
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const hasMore = last !== undefined && rest.length > limit;
  return { total: found.length, vms: page, ...(hasMore ? { nextCursor: toCursor(last) } : {}) };
}

const passes = (vm: NamedVm, { state, name, metadata = {} }: VmFilter): boolean =>
  (state === undefined || vm.state === state) &&
  (name === undefined || vm.name === name) &&
  Object.entries(metadata).every(([key, value]) => Object.hasOwn(vm.metadata, key) && vm.metadata[key] === value);

const placeOf = ({ createdAt, id }: NamedVm): Place => ({ createdMs: createdAt.getTime(), id });

const compare = (left: Place, right: Place): number =>
  left.createdMs - right.createdMs || (left.id < right.id ? -1 : Number(left.id > right.id));

const toCursor = ({ createdAt, id }: NamedVm): string =>
  Buffer.from(`${createdAt.getTime()} ${id}`).toString('base64url');

function parseCursor(cursor: string): Place {
  const [, created, id] = /^(\d{1,15}) (vm-[0-9a-f]+)$/.exec(Buffer.from(cursor, 'base64url').toString()) ?? [];
  if (created !== undefined && id !== undefined) return { createdMs: Number(created), id };
  throw new BigboxError('INVALID_REQUEST', {
    message: 'query.cursor is not one that a list of VMs gave, expected the next_cursor of an answer.',
    context: { path: 'query.cursor' },
  });
}
