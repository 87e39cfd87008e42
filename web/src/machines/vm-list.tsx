import { Tooltip } from '@mantine/core';
import { Link } from '@tanstack/react-router';
import type { Vm } from '../../../src/contracts/vms.ts';
import { formatAge, formatExact, formatUntil } from '../shared/format.ts';
import { VmStateMark } from '../shared/marks.tsx';
import { useNow } from '../shared/use-now.ts';
import css from './vm-list.module.css';

const ends: Readonly<Record<Vm['on_timeout'], string>> = { kill: 'ends', pause: 'pauses' };

/** When a VM ends and how, in few words; nothing where it lives until it is deleted. */
export function describeEnd({ expires_at: at, on_timeout: what, timeout_seconds: seconds }: Vm, now: number): string {
  if (at !== undefined) return `${ends[what]} ${formatUntil(at, now)}`;
  return seconds === undefined ? 'no timeout' : 'timeout stands still';
}

/** The labels of a VM as small marks. */
export function Labels({ labels }: { readonly labels: Vm['metadata'] }) {
  return Object.entries(labels).map(([key, value]) => (
    <span key={key} className={css.label}>
      {`${key}=${value}`}
    </span>
  ));
}

interface VmListProps {
  readonly vms: readonly Vm[];
  readonly selected: ReadonlySet<string>;
  readonly onSelect: (ids: readonly string[], on: boolean) => void;
}

function Row({
  vm,
  now,
  selected,
  onSelect,
}: Omit<VmListProps, 'vms' | 'selected'> & {
  readonly vm: Vm;
  readonly now: number;
  readonly selected: boolean;
}) {
  return (
    <li className={css.row} data-selected={selected || undefined}>
      <input
        type="checkbox"
        className={css.box}
        aria-label={`Select ${vm.name}`}
        checked={selected}
        onChange={(event) => onSelect([vm.id], event.currentTarget.checked)}
      />
      <Link to="/machines/$id" params={{ id: vm.id }} className={css.link}>
        <span className={css.name}>{vm.name}</span>
        {vm.name === vm.id ? null : <span className={css.id}>{vm.id}</span>}
      </Link>
      <span className={css.state}>
        <VmStateMark state={vm.status} />
      </span>
      <span className={css.labels}>
        <Labels labels={vm.metadata} />
      </span>
      <span className={css.type}>{`${vm.vcpus} cpu, ${vm.memory_mb} MB`}</span>
      <span className={css.end}>{describeEnd(vm, now)}</span>
      <Tooltip label={`Made ${formatExact(vm.created_at)}`}>
        <time className={css.age} dateTime={vm.created_at}>
          {formatAge(vm.created_at, now)}
        </time>
      </Tooltip>
    </li>
  );
}

/** The VMs, the oldest first, each with a box to select it for what is done to several. */
export function VmList({ vms, selected, onSelect }: VmListProps) {
  const now = useNow(1000);
  const ids = vms.map(({ id }) => id);
  const all = ids.every((id) => selected.has(id));
  return (
    <div className={css.list}>
      <label className={css.all}>
        <input
          type="checkbox"
          className={css.box}
          checked={all}
          onChange={(event) => onSelect(ids, event.currentTarget.checked)}
        />
        <span>Select all that are shown</span>
      </label>
      <ul>
        {vms.map((vm) => (
          <Row key={vm.id} vm={vm} now={now} selected={selected.has(vm.id)} onSelect={onSelect} />
        ))}
      </ul>
    </div>
  );
}
