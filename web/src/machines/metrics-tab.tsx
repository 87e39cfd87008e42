import { useEffect, useState } from 'react';
import type { VmMetrics } from '../../../src/contracts/vm-metrics.ts';
import type { Vm } from '../../../src/contracts/vms.ts';
import { Freshness } from '../shared/freshness.tsx';
import { formatBytes, formatDuration } from '../shared/format.ts';
import { Empty, Failure, Lines } from '../shared/states.tsx';
import shared from './machines.module.css';
import css from './metrics.module.css';
import { processorShare } from './processor-share.ts';
import { useMetrics } from './queries.ts';

const keptSamples = 60;

/** The last samples, newest last. What was measured before the page was opened is not known. */
function useSamples(newest: VmMetrics | undefined): readonly VmMetrics[] {
  const [samples, setSamples] = useState<readonly VmMetrics[]>([]);
  useEffect(() => {
    if (newest !== undefined)
      setSamples((before) => (before.at(-1)?.at === newest.at ? before : [...before, newest].slice(-keptSamples)));
  }, [newest]);
  return samples;
}

/** A line of the last values, each between 0 and 1; the newest stands at the right end. */
function Spark({ values }: { readonly values: readonly number[] }) {
  const points = values.map(
    (value, index) =>
      `${((keptSamples - values.length + index) / (keptSamples - 1)) * 100},${30 - Math.min(1, value) * 28}`,
  );
  return (
    <svg className={css.spark} viewBox="0 0 100 32" preserveAspectRatio="none" aria-hidden>
      <polyline points={points.join(' ')} vectorEffect="non-scaling-stroke" />
    </svg>
  );
}

interface CardProps {
  readonly name: string;
  readonly value: string;
  readonly detail: string;
  readonly values?: readonly number[];
}

function Card({ name, value, detail, values }: CardProps) {
  return (
    <li className={css.card}>
      <h3 className={css.name}>{name}</h3>
      <p className={css.value}>{value}</p>
      <p className={css.detail}>{detail}</p>
      {values === undefined ? null : <Spark values={values} />}
    </li>
  );
}

const percent = (part: number): string => `${Math.round(part * 100)} %`;

function toCards(samples: readonly VmMetrics[], newest: VmMetrics): readonly CardProps[] {
  const { host, guest, vcpus } = newest;
  const shares = samples.slice(1).map((sample, index) => processorShare(samples[index] ?? sample, sample));
  const share = shares.at(-1);
  const own = host.memory_proportional_bytes;
  const used = ({ guest: inside }: VmMetrics): number =>
    inside === undefined ? 0 : 1 - inside.memory_available_bytes / inside.memory_total_bytes;
  return [
    {
      name: 'Processor',
      value: share === undefined ? 'measuring' : percent(share),
      detail: `of ${vcpus} vcpu, over 2 s; ${formatDuration(host.cpu_time_ms)} since it was made, by its process on the host`,
      values: shares,
    },
    {
      name: 'Memory on the host',
      value: formatBytes(own ?? host.memory_resident_bytes),
      detail:
        own === undefined
          ? 'mapped, also what it shares with other VMs'
          : `its share; ${formatBytes(host.memory_resident_bytes)} with all that it shares with other VMs`,
    },
    ...(guest === undefined
      ? []
      : [
          {
            name: 'Memory in the guest',
            value: `${formatBytes(guest.memory_total_bytes - guest.memory_available_bytes)} of ${formatBytes(guest.memory_total_bytes)}`,
            detail: `${formatBytes(guest.memory_available_bytes)} can still be had, says its kernel`,
            values: samples.map(used),
          },
          {
            name: 'Disk',
            value: `${formatBytes(guest.disk_total_bytes - guest.disk_available_bytes)} of ${formatBytes(guest.disk_total_bytes)}`,
            detail: `${formatBytes(guest.disk_available_bytes)} free for programs`,
          },
          {
            name: 'Processes',
            value: String(guest.processes),
            detail: `started here and below; load ${guest.load_1.toFixed(2)}, its kernel is up ${formatDuration(guest.uptime_ms)}`,
          },
        ]),
  ];
}

/** What a VM uses, read every two seconds. */
export function MetricsTab({ vm }: { readonly vm: Vm }) {
  const metrics = useMetrics(vm.id, vm.status);
  const samples = useSamples(metrics.data);
  if (vm.status === 'creating' || vm.status === 'failed')
    return (
      <Empty title="Nothing to measure">
        There is no running process behind a VM that is being made or has failed.
      </Empty>
    );
  if (metrics.data === undefined)
    return metrics.error === null ? (
      <Lines count={2} height={120} />
    ) : (
      <Failure error={metrics.error} onRetry={() => void metrics.refetch()} />
    );
  return (
    <div className={shared.stack}>
      <Freshness read={metrics} />
      <ul className={css.cards}>
        {toCards(samples, metrics.data).map((card) => (
          <Card key={card.name} {...card} />
        ))}
      </ul>
      {vm.status === 'paused' ? (
        <p className={css.detail}>The guest is paused; what it sees itself is asked when it runs.</p>
      ) : null}
      {metrics.data.guest_problem === undefined ? null : (
        <p className={css.problem} role="alert">
          {metrics.data.guest_problem}
        </p>
      )}
    </div>
  );
}
