import { CopyButton, Tabs, Tooltip, UnstyledButton } from '@mantine/core';
import { Link, useNavigate, useParams, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { Vm } from '../../../src/contracts/vms.ts';
import { ApiError } from '../shared/api.ts';
import { formatAge, formatExact } from '../shared/format.ts';
import { Freshness } from '../shared/freshness.tsx';
import { VmStateMark } from '../shared/marks.tsx';
import { Empty, ErrorNote, Failure, Lines } from '../shared/states.tsx';
import { useNow } from '../shared/use-now.ts';
import { ConsoleTab } from './console-tab.tsx';
import { FamilyTree } from './family-tree.tsx';
import { FilesTab } from './files-tab.tsx';
import { MachineActions } from './machine-actions.tsx';
import css from './machine-page.module.css';
import shared from './machines.module.css';
import { MetricsTab } from './metrics-tab.tsx';
import { PortsTab } from './ports-tab.tsx';
import { ProcessesTab } from './processes-tab.tsx';
import { TerminalTab } from './terminal-tab.tsx';
import { useVm, useVms } from './queries.ts';
import { Labels, describeEnd } from './vm-list.tsx';

function FamilyTab({ vm }: { readonly vm: Vm }) {
  const vms = useVms();
  if (vms.data !== undefined) return <FamilyTree vms={vms.data} ofVm={vm.id} />;
  return vms.error === null ? <Lines count={3} height={32} /> : <Failure error={vms.error} />;
}

const tabs = [
  { id: 'processes', label: 'Processes', show: (vm: Vm) => <ProcessesTab vm={vm} /> },
  { id: 'terminal', label: 'Terminal', show: (vm: Vm) => <TerminalTab vm={vm} /> },
  { id: 'files', label: 'Files', show: (vm: Vm) => <FilesTab vm={vm} /> },
  { id: 'ports', label: 'Ports', show: (vm: Vm) => <PortsTab vm={vm} /> },
  { id: 'tree', label: 'Snapshots and forks', show: (vm: Vm) => <FamilyTab vm={vm} /> },
  { id: 'metrics', label: 'Metrics', show: (vm: Vm) => <MetricsTab vm={vm} /> },
  { id: 'console', label: 'Console', show: (vm: Vm) => <ConsoleTab vm={vm} /> },
] as const;

function Parts({ vm }: { readonly vm: Vm }) {
  const { tab = 'processes' } = useSearch({ from: '/machines/$id' });
  const navigate = useNavigate({ from: '/machines/$id' });
  const choose = (value: string | null) => {
    const next = tabs.find(({ id }) => id === value)?.id;
    void navigate({ search: next === undefined || next === 'processes' ? {} : { tab: next }, replace: true });
  };
  return (
    <Tabs value={tab} onChange={choose} keepMounted={false}>
      <Tabs.List mb={16} className={css.tabs}>
        {tabs.map(({ id, label }) => (
          <Tabs.Tab key={id} value={id}>
            {label}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {tabs.map(({ id, show }) => (
        <Tabs.Panel key={id} value={id}>
          {show(vm)}
        </Tabs.Panel>
      ))}
    </Tabs>
  );
}

function Origin({ vm }: { readonly vm: Vm }): ReactNode {
  if (vm.forked_from !== undefined)
    return (
      <span>
        {'fork of '}
        <Link to="/machines/$id" params={{ id: vm.forked_from }}>
          {vm.forked_from}
        </Link>
      </span>
    );
  return vm.snapshot_id === undefined ? null : <span>{`from ${vm.snapshot_id}`}</span>;
}

function Facts({ vm }: { readonly vm: Vm }) {
  const now = useNow(1000);
  return (
    <div className={css.facts}>
      <CopyButton value={vm.id}>
        {({ copied, copy }) => (
          <Tooltip label={copied ? 'Copied' : 'Copy the id'}>
            <UnstyledButton className={css.id} onClick={copy}>
              {vm.id}
            </UnstyledButton>
          </Tooltip>
        )}
      </CopyButton>
      <span>{`${vm.vm_type}, ${vm.vcpus} cpu, ${vm.memory_mb} MB`}</span>
      <Origin vm={vm} />
      <Tooltip label={formatExact(vm.created_at)}>
        <span tabIndex={0}>{`made ${formatAge(vm.created_at, now)}`}</span>
      </Tooltip>
      {vm.expires_at === undefined ? (
        <span>{describeEnd(vm, now)}</span>
      ) : (
        <Tooltip label={formatExact(vm.expires_at)}>
          <span tabIndex={0}>{describeEnd(vm, now)}</span>
        </Tooltip>
      )}
      <Labels labels={vm.metadata} />
    </div>
  );
}

const isGone = (error: Error | null): boolean => error instanceof ApiError && error.body.code === 'VM_NOT_FOUND';

/** One VM: its state, what can be done with it, and what is in it. */
export function MachinePage() {
  const { id } = useParams({ from: '/machines/$id' });
  const vm = useVm(id);
  if (isGone(vm.error))
    return (
      <Empty title={`There is no VM ${id}`} action={<Link to="/machines">All machines</Link>}>
        It was deleted, its timeout has ended, or the service that it belonged to was stopped.
      </Empty>
    );
  if (vm.data === undefined)
    return vm.error === null ? (
      <Lines count={5} height={36} />
    ) : (
      <Failure error={vm.error} onRetry={() => void vm.refetch()} />
    );
  const { data } = vm;
  return (
    <div key={id} className={shared.page}>
      <header className={css.header}>
        <div className={shared.head}>
          <h1 className={shared.title}>{data.name}</h1>
          <span role="status" className={css.state}>
            <VmStateMark state={data.status} />
          </span>
          <Freshness read={vm} />
          <span className={shared.push} />
          <MachineActions vm={data} />
        </div>
        <Facts vm={data} />
        {data.error_detail === undefined ? null : <ErrorNote error={data.error_detail} />}
      </header>
      <Parts vm={data} />
    </div>
  );
}
