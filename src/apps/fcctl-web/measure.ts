import { type HttpServer, toRegistryError } from '../../http/index.ts';
import { VmStatus } from '../../contracts/vms.ts';
import { createMetrics, type Metrics } from '../../observe/index.ts';
import { statusOf } from '../../api/vms/index.ts';
import type { VmMeter, VmService } from '../../vm/index.ts';

const restoreSeconds = [0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 5, 20];
const claimSeconds = [0.001, 0.005, 0.02, 0.1, 0.3, 1, 3, 10, 60];
const executionSeconds = [0.01, 0.05, 0.1, 0.5, 1, 5, 30, 120, 600];
const snapshotSeconds = [0.1, 0.25, 0.5, 1, 2, 5, 15, 60];

/** Creates the metrics of the VM service and what it reports times to. */
export function createVmMetrics(): { readonly metrics: Metrics; readonly meter: VmMeter } {
  const metrics = createMetrics('fcctl-web');
  const restores = metrics.addHistogram(
    'bigbox_vm_restore_seconds',
    'Time from a waiting process to a guest that answers',
    {
      labels: ['origin'],
      buckets: restoreSeconds,
    },
  );
  const claims = metrics.addHistogram('bigbox_vm_claim_seconds', 'Time that a claim waited for its clone', {
    labels: ['found'],
    buckets: claimSeconds,
  });
  const executions = metrics.addHistogram(
    'bigbox_vm_execution_seconds',
    'Time from the start of a program to its end',
    {
      labels: ['kind', 'outcome'],
      buckets: executionSeconds,
    },
  );
  const snapshots = metrics.addHistogram('bigbox_vm_snapshot_seconds', 'Time until a snapshot was on the disk', {
    labels: [],
    buckets: snapshotSeconds,
  });
  const meter: VmMeter = {
    restored: (origin, milliseconds) => restores({ origin }, milliseconds),
    claimed: (found, milliseconds) => claims({ found }, milliseconds),
    executed: (kind, outcome, milliseconds) => executions({ kind, outcome }, milliseconds),
    snapshotted: (milliseconds) => snapshots({}, milliseconds),
  };
  return { metrics, meter };
}

/** Adds what is read from the service when it is asked for, requests and errors, and the route that shows all. */
export function addVmMetrics(app: HttpServer, service: VmService, metrics: Metrics): void {
  metrics.addGauges('bigbox_vms', 'VMs that live until they are deleted, by state', {
    label: 'state',
    values: VmStatus.options,
    read: () => Object.fromEntries(countBy(service.named.list().map((vm) => statusOf(vm.state)))),
  });
  metrics.addGauges('bigbox_pool', 'The pool: clones that are wanted, ready, being made, and what waits', {
    label: 'part',
    values: ['target', 'ready', 'starting', 'busy', 'waiting_processes', 'claims_waiting'],
    read: () => {
      const { target, ready, starting, busy, waitingProcesses, claimsWaiting } = service.poolStats();
      return { target, ready, starting, busy, waiting_processes: waitingProcesses, claims_waiting: claimsWaiting };
    },
  });
  metrics.addGauge('bigbox_snapshots', 'Snapshots that are kept', () => service.snapshots.list().length);
  metrics.addGauge('bigbox_snapshot_bytes', 'Disk space that kept snapshots use', () =>
    service.snapshots.list().reduce((sum, { bytes }) => sum + bytes, 0),
  );
  const countError = metrics.addCounter('bigbox_errors_total', 'Requests that were answered with an error', ['code']);
  app.addHook('onError', async (_request, _reply, error) => countError({ code: toRegistryError(error).code }));
  app.addHook('onResponse', async (request, reply) =>
    metrics.observeRequest({
      method: request.method,
      route: request.routeOptions.url ?? 'unknown',
      status: reply.statusCode,
      durationMs: reply.elapsedTime,
    }),
  );
  app.get(
    '/metrics',
    { schema: { tags: ['health'], summary: 'Metrics in the text format of Prometheus' } },
    async (_request, reply) => reply.type(metrics.contentType).send(await metrics.text()),
  );
}

function countBy(values: readonly string[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return counts;
}
