import type { VmServiceHealth } from '../contracts/health.ts';
import { version } from '../lib/version.ts';
import type { DriverCapabilities } from '../vmm/index.ts';
import type { PoolStats } from './pool/pool.ts';
import type { Recovery } from './recovery.ts';

export interface ServiceState {
  /** Unix milliseconds. */
  readonly now: number;
  /** Absent while they are being found. */
  readonly capabilities: DriverCapabilities | undefined;
  readonly pool: PoolStats | undefined;
  readonly busy: number;
  /** What was found of an earlier service; absent while it is looked for. */
  readonly recovery: Recovery | undefined;
  /** Why no VMs can be made at all. */
  readonly problem: string | undefined;
}

/** What `/health` says of the service. */
export function describeHealth({ now, capabilities, pool, busy, recovery, problem }: ServiceState): VmServiceHealth {
  const problems = [problem, pool?.problem].filter((one) => one !== undefined);
  const isStarting = pool === undefined || (pool.ready === 0 && pool.hits + pool.misses === 0);
  return {
    service: 'fcctl-web',
    status: problems.length > 0 ? 'degraded' : isStarting ? 'starting' : 'healthy',
    timestamp: new Date(now).toISOString(),
    version,
    ...(capabilities === undefined ? {} : { driver: capabilities.driver, accelerator: capabilities.accelerator }),
    ...(pool === undefined ? {} : { pool: toHealthPool(pool, busy) }),
    ...(recovery === undefined ? {} : { recovery: toHealthRecovery(recovery) }),
    problems: [...problems, ...(capabilities?.missing ?? [])],
  };
}

const toHealthPool = (stats: PoolStats, busy: number): NonNullable<VmServiceHealth['pool']> => ({
  target: stats.target,
  ready: stats.ready,
  busy,
  starting: stats.starting,
  waiting_processes: stats.waitingProcesses,
});

const toHealthRecovery = ({ adopted, remade, lost, removed }: Recovery): NonNullable<VmServiceHealth['recovery']> => ({
  adopted: [...adopted],
  made_again: [...remade],
  lost: lost.map(({ id, reason }) => ({ vm_id: id, reason })),
  removed: [...removed],
});
