import { Button, TextInput } from '@mantine/core';
import { IconPlus, IconSearch, IconTrash } from '@tabler/icons-react';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { Vm } from '../../../src/contracts/vms.ts';
import { Freshness } from '../shared/freshness.tsx';
import { plural } from '../shared/format.ts';
import { vmWord } from '../shared/marks.tsx';
import { Empty, Failure, Lines } from '../shared/states.tsx';
import { CreateDialog } from './create-dialog.tsx';
import { DeleteDialog } from './delete-dialog.tsx';
import { FamilyTree } from './family-tree.tsx';
import css from './machines.module.css';
import { PoolStrip } from './pool-strip.tsx';
import { useVms } from './queries.ts';
import { countStates, selectVms } from './select-vms.ts';
import { VmList } from './vm-list.tsx';

function Filters({ vms }: { readonly vms: readonly Vm[] }) {
  const { state, text = '' } = useSearch({ from: '/machines' });
  const navigate = useNavigate({ from: '/machines' });
  const counts = [['all', vms.length] as const, ...countStates(vms)];
  return (
    <div className={css.filters}>
      <TextInput
        className={css.search}
        aria-label="Find VMs"
        placeholder="Name, id or label"
        leftSection={<IconSearch size={16} stroke={1.5} />}
        value={text}
        onChange={(event) => {
          const value = event.currentTarget.value;
          void navigate({
            search: (before) => ({ ...before, text: value === '' ? undefined : value }),
            replace: true,
          });
        }}
      />
      <nav className={css.states} aria-label="States">
        {counts.map(([one, count]) => {
          const wanted = one === 'all' ? undefined : one;
          return (
            <Link
              key={one}
              from="/machines"
              to="."
              search={(before) => ({ ...before, state: wanted })}
              className={css.chip}
              aria-current={state === wanted ? 'true' : undefined}
            >
              {`${one === 'all' ? 'All' : vmWord(one)} ${count}`}
            </Link>
          );
        })}
      </nav>
    </div>
  );
}

function Selection({ vms, onClear }: { readonly vms: readonly Vm[]; readonly onClear: () => void }) {
  const [asks, setAsks] = useState(false);
  const close = () => setAsks(false);
  return (
    <div className={css.selection} data-empty={vms.length === 0 || undefined}>
      <span role="status">{vms.length === 0 ? '' : `${plural(vms.length, 'VM')} selected`}</span>
      <Button
        size="xs"
        variant="default"
        disabled={vms.length === 0}
        leftSection={<IconTrash size={14} stroke={1.5} />}
        onClick={() => setAsks(true)}
      >
        Delete
      </Button>
      {asks ? (
        <DeleteDialog
          vms={vms}
          onClose={close}
          onDeleted={() => {
            close();
            onClear();
          }}
        />
      ) : null}
    </div>
  );
}

function Shown({ vms, create }: { readonly vms: readonly Vm[]; readonly create: ReactNode }) {
  const filter = useSearch({ from: '/machines' });
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  if (vms.length === 0)
    return (
      <Empty title="No VMs yet" action={create}>
        A VM is a machine of its own for code that you do not trust. It keeps its files and processes until you delete
        it.
      </Empty>
    );
  const shown = selectVms(vms, filter);
  const select = (ids: readonly string[], on: boolean) =>
    setMarked((before) => {
      const next = new Set(before);
      for (const id of ids)
        if (on) next.add(id);
        else next.delete(id);
      return next;
    });
  return (
    <>
      <div className={css.bar}>
        <Filters vms={vms} />
        <Selection vms={shown.filter(({ id }) => marked.has(id))} onClear={() => setMarked(new Set())} />
      </div>
      {shown.length === 0 ? (
        <Empty title="No VM matches" action={<Link to="/machines">Show all</Link>}>
          {`${plural(vms.length, 'VM')} in all; none has this state and these words.`}
        </Empty>
      ) : (
        <VmList vms={shown} selected={marked} onSelect={select} />
      )}
    </>
  );
}

function Views() {
  const { view } = useSearch({ from: '/machines' });
  return (
    <nav className={css.states} aria-label="Views">
      <Link to="/machines" className={css.chip} aria-current={view === undefined ? 'page' : undefined}>
        List
      </Link>
      <Link
        to="/machines"
        search={{ view: 'tree' }}
        className={css.chip}
        aria-current={view === 'tree' ? 'page' : undefined}
      >
        Snapshots and forks
      </Link>
    </nav>
  );
}

/** All VMs that live until they are deleted, and the pool that they come from. */
export function MachinesPage() {
  const vms = useVms();
  const { view } = useSearch({ from: '/machines' });
  const [creates, setCreates] = useState(false);
  const create = (
    <Button leftSection={<IconPlus size={16} stroke={1.5} />} onClick={() => setCreates(true)}>
      Create a VM
    </Button>
  );
  return (
    <div className={css.page}>
      <div className={css.head}>
        <h1 className={css.title}>Machines</h1>
        <Freshness read={vms} />
        <span className={css.push} />
        {create}
      </div>
      <PoolStrip />
      <Views />
      {vms.data === undefined ? (
        vms.error === null ? (
          <Lines count={4} height={40} />
        ) : (
          <Failure error={vms.error} onRetry={() => void vms.refetch()} />
        )
      ) : view === 'tree' ? (
        <FamilyTree vms={vms.data} />
      ) : (
        <Shown vms={vms.data} create={create} />
      )}
      {creates ? <CreateDialog onClose={() => setCreates(false)} /> : null}
    </div>
  );
}
