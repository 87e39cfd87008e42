import { toErrorBody } from '../../contracts/errors.ts';
import type { PoolStatistics, Vm, VmSnapshot, VmStatus } from '../../contracts/vms.ts';
import type { KeptSnapshot, NamedVm, VmService } from '../../vm/index.ts';

const statuses: Readonly<Record<NamedVm['state'], VmStatus>> = {
  booting: 'creating',
  ready: 'running',
  paused: 'paused',
  stopped: 'stopped',
  failed: 'failed',
};

const states: Readonly<Record<VmStatus, NamedVm['state']>> = {
  creating: 'booting',
  running: 'ready',
  paused: 'paused',
  stopped: 'stopped',
  failed: 'failed',
};

/** The state that goes over the wire as this status. */
export const toState = (status: VmStatus): NamedVm['state'] => states[status];

/** How a state goes over the wire. */
export const statusOf = (state: NamedVm['state']): VmStatus => statuses[state];

/** The copy behind a fork is nobody's to see. */
function toOrigin({ snapshotId, forkedFrom }: NamedVm): Pick<Vm, 'snapshot_id' | 'forked_from'> {
  if (forkedFrom !== undefined) return { forked_from: forkedFrom };
  return snapshotId === undefined ? {} : { snapshot_id: snapshotId };
}

/** Writes a VM as it goes over the wire. */
export function toVm(vm: NamedVm): Vm {
  const { vcpus, memoryMib } = vm.size;
  return {
    id: vm.id,
    name: vm.name,
    vm_type: vm.vmType,
    requested_vm_type: vm.requestedVmType,
    status: statuses[vm.state],
    ...(vm.agentId === undefined ? {} : { agent_id: vm.agentId }),
    ...toOrigin(vm),
    user_id: 'owner',
    config: JSON.stringify({ vm_type: vm.vmType, vcpus, memory_mb: memoryMib }),
    vcpus,
    memory_mb: memoryMib,
    created_at: vm.createdAt.toISOString(),
    updated_at: vm.updatedAt.toISOString(),
    ...(vm.lastActivity === undefined ? {} : { last_activity: vm.lastActivity.toISOString() }),
    metadata: { ...vm.metadata },
    ...(vm.timeoutMs === undefined ? {} : { timeout_seconds: vm.timeoutMs / 1000 }),
    on_timeout: vm.onTimeout,
    ...(vm.expiresAt === undefined ? {} : { expires_at: vm.expiresAt.toISOString() }),
    ...(vm.error === undefined ? {} : { error_detail: toErrorBody(vm.error) }),
  };
}

export function toPoolStatistics(service: VmService): PoolStatistics {
  const stats = service.poolStats();
  return {
    target: stats.target,
    ready: stats.ready,
    busy: stats.busy,
    starting: stats.starting,
    waiting_processes: stats.waitingProcesses,
    claims_waiting: stats.claimsWaiting,
    hits: stats.hits,
    misses: stats.misses,
    max_vms: stats.maxVms,
    broken: stats.broken,
    ...(stats.problem === undefined ? {} : { problem: stats.problem }),
  };
}

const percent = (part: number, whole: number): number => Math.round((part / whole) * 1000) / 10;

/** How much of what may be used is used, in upstream's words. */
export function toUsage(service: VmService): {
  at_capacity: boolean;
  current_vms: number;
  max_vms: number;
  max_memory_mb: number;
  vm_usage_percent: number;
  current_concurrent_sessions: number;
  max_concurrent_sessions: number;
  session_usage_percent: number;
  has_persistent_storage: boolean;
  max_storage_gb: number;
} {
  const { busy, maxVms } = service.poolStats();
  const sessions = busy - service.named.count;
  return {
    at_capacity: busy >= maxVms,
    current_vms: service.named.count,
    max_vms: maxVms,
    max_memory_mb: maxVms * service.size.memoryMib,
    vm_usage_percent: percent(service.named.count, maxVms),
    current_concurrent_sessions: sessions,
    max_concurrent_sessions: maxVms,
    session_usage_percent: percent(sessions, maxVms),
    has_persistent_storage: false,
    max_storage_gb: 0,
  };
}

/** A snapshot as the API shows it. */
export const toSnapshot = (snapshot: KeptSnapshot): VmSnapshot => ({
  id: snapshot.id,
  name: snapshot.name,
  vm_id: snapshot.vmId,
  vm_type: snapshot.vmType,
  vcpus: snapshot.size.vcpus,
  memory_mb: snapshot.size.memoryMib,
  metadata: { ...snapshot.metadata },
  created_at: snapshot.createdAt.toISOString(),
  ...(snapshot.expiresAt === undefined ? {} : { expires_at: snapshot.expiresAt.toISOString() }),
  bytes: snapshot.bytes,
});
