import type { Vm, VmSnapshot } from '../../../src/contracts/vms.ts';

/** A VM or a snapshot with what was made from it. `gone`: only its id is known, because something was made from it. */
export interface FamilyNode {
  readonly id: string;
  readonly vm?: Vm;
  readonly snapshot?: VmSnapshot;
  readonly gone: boolean;
  readonly children: readonly FamilyNode[];
}

const parentOf = (one: Vm | VmSnapshot): string | undefined => {
  if ('vm_id' in one) return one.vm_id;
  return one.forked_from ?? one.snapshot_id;
};

/** Orders VMs and snapshots by what was made from what; each stands exactly once, oldest first among its like. */
export function toFamilies(vms: readonly Vm[], snapshots: readonly VmSnapshot[]): readonly FamilyNode[] {
  const members = [...vms, ...snapshots];
  const known = new Set(members.map(({ id }) => id));
  const childrenOf = new Map<string, (Vm | VmSnapshot)[]>();
  for (const one of members) {
    const parent = parentOf(one);
    if (parent !== undefined) childrenOf.set(parent, [...(childrenOf.get(parent) ?? []), one]);
  }
  const toNode = (one: Vm | VmSnapshot): FamilyNode => ({
    id: one.id,
    ...('vm_id' in one ? { snapshot: one } : { vm: one }),
    gone: false,
    children: sorted(childrenOf.get(one.id) ?? []).map(toNode),
  });
  const lost = [...childrenOf.keys()].filter((id) => !known.has(id));
  return [
    ...sorted(members.filter((one) => parentOf(one) === undefined)).map(toNode),
    ...lost.map((id) => ({ id, gone: true, children: sorted(childrenOf.get(id) ?? []).map(toNode) })),
  ];
}

const sorted = (members: readonly (Vm | VmSnapshot)[]): readonly (Vm | VmSnapshot)[] =>
  members.toSorted((left, right) => Date.parse(left.created_at) - Date.parse(right.created_at));

/** Whether this id stands in the tree below a node, or is the node. */
export const holds = (node: FamilyNode, id: string): boolean =>
  node.id === id || node.children.some((child) => holds(child, id));
