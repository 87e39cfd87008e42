import type { VmMetrics } from '../../../src/contracts/vm-metrics.ts';

type Sample = Pick<VmMetrics, 'at' | 'vcpus' | 'host'>;

/** How much of its processors a VM used between two samples: 0 to 1, a little more where its process itself works too. */
export function processorShare(earlier: Sample, later: Sample): number {
  const elapsedMs = Date.parse(later.at) - Date.parse(earlier.at);
  if (elapsedMs <= 0) return 0;
  return Math.max(0, later.host.cpu_time_ms - earlier.host.cpu_time_ms) / elapsedMs / later.vcpus;
}
