import { describe, expect, test } from 'vitest';
import type { Vm, VmSnapshot } from '../../../src/contracts/vms.ts';
import { type FamilyNode, holds, toFamilies } from './family.ts';

const vm = (id: string, minute: number, from: Partial<Vm> = {}): Vm => ({
  id,
  name: id,
  vm_type: 'debian-bookworm',
  requested_vm_type: 'debian-bookworm',
  status: 'running',
  user_id: 'owner',
  config: '{}',
  vcpus: 1,
  memory_mb: 256,
  created_at: new Date(Date.UTC(2026, 0, 1, 0, minute)).toISOString(),
  updated_at: '',
  metadata: {},
  on_timeout: 'kill',
  ...from,
});
const snapshot = (id: string, minute: number, vmId: string): VmSnapshot => ({
  ...vm(id, minute),
  vm_id: vmId,
  bytes: 1,
});

const outline = (nodes: readonly FamilyNode[]): unknown =>
  nodes.map(({ id, gone, children }) => [gone ? `(${id})` : id, ...(children.length === 0 ? [] : [outline(children)])]);

describe('toFamilies()', () => {
  test('puts snapshots and forks below their VM, and VMs below the snapshot they go on from', () => {
    const vms = [vm('a', 1), vm('a-1', 3, { forked_from: 'a' }), vm('b', 4, { snapshot_id: 's' }), vm('c', 0)];
    const families = toFamilies(vms, [snapshot('s', 2, 'a')]);
    expect(outline(families)).toEqual([['c'], ['a', [['s', [['b']]], ['a-1']]]]);
    expect(families.map((family) => holds(family, 'b'))).toEqual([false, true]);
  });

  test('keeps together what was made from a VM that is gone', () => {
    const families = toFamilies([vm('x', 5, { forked_from: 'old' })], [snapshot('s', 2, 'old')]);
    expect(outline(families)).toEqual([['(old)', [['s'], ['x']]]]);
  });
});
