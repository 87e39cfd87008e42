import { ActionIcon, Button, Tooltip } from '@mantine/core';
import { IconCamera, IconGhost2, IconPlus, IconServer2, IconTrash } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { Vm, VmSnapshot } from '../../../src/contracts/vms.ts';
import { Dialog, DialogActions } from '../shared/dialog.tsx';
import { formatAge, formatBytes, formatExact } from '../shared/format.ts';
import { VmStateMark } from '../shared/marks.tsx';
import { Empty, Failure, Lines } from '../shared/states.tsx';
import { useNow } from '../shared/use-now.ts';
import { deleteSnapshot } from './api.ts';
import { CreateDialog } from './create-dialog.tsx';
import css from './family-tree.module.css';
import { type FamilyNode, holds, toFamilies } from './family.ts';
import { useChange, useSnapshots } from './queries.ts';

function DeleteSnapshotDialog({ snapshot, onClose }: { readonly snapshot: VmSnapshot; readonly onClose: () => void }) {
  const remove = useChange(deleteSnapshot, onClose);
  return (
    <Dialog title={`Delete the snapshot ${snapshot.name}?`} onClose={onClose}>
      <p>{`It gives ${formatBytes(snapshot.bytes)} back. VMs that were made from it go on; no new ones can be made.`}</p>
      {remove.error === null ? null : <Failure error={remove.error} />}
      <DialogActions>
        <Button variant="default" onClick={onClose}>
          Keep
        </Button>
        <Button color="red" loading={remove.isPending} onClick={() => remove.mutate(snapshot.id)}>
          Delete
        </Button>
      </DialogActions>
    </Dialog>
  );
}

function SnapshotActions({ snapshot }: { readonly snapshot: VmSnapshot }) {
  const [shown, setShown] = useState<'create' | 'delete'>();
  const close = () => setShown(undefined);
  return (
    <span className={css.actions}>
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<IconPlus size={14} stroke={1.5} />}
        onClick={() => setShown('create')}
      >
        Create a VM
      </Button>
      <Tooltip label="Delete this snapshot">
        <ActionIcon
          variant="subtle"
          color="gray"
          aria-label={`Delete the snapshot ${snapshot.name}`}
          onClick={() => setShown('delete')}
        >
          <IconTrash size={16} stroke={1.5} />
        </ActionIcon>
      </Tooltip>
      {shown === 'create' ? <CreateDialog snapshotId={snapshot.id} onClose={close} /> : null}
      {shown === 'delete' ? <DeleteSnapshotDialog snapshot={snapshot} onClose={close} /> : null}
    </span>
  );
}

function Age({ at, now }: { readonly at: string; readonly now: number }) {
  return (
    <Tooltip label={formatExact(at)}>
      <time className={css.fine} dateTime={at}>
        {formatAge(at, now)}
      </time>
    </Tooltip>
  );
}

function Line({ node, now, here }: { readonly node: FamilyNode; readonly now: number; readonly here: boolean }) {
  const { vm, snapshot } = node;
  if (snapshot !== undefined)
    return (
      <>
        <IconCamera size={16} stroke={1.5} aria-hidden className={css.icon} />
        <span className={css.name}>{snapshot.name}</span>
        <span className={css.fine}>{`snapshot, ${formatBytes(snapshot.bytes)}`}</span>
        <Age at={snapshot.created_at} now={now} />
        <SnapshotActions snapshot={snapshot} />
      </>
    );
  if (vm === undefined)
    return (
      <>
        <IconGhost2 size={16} stroke={1.5} aria-hidden className={css.icon} />
        <span className={css.fine}>{`${node.id}, deleted`}</span>
      </>
    );
  const origin = vm.forked_from === undefined ? (vm.snapshot_id === undefined ? 'VM' : 'VM from it') : 'fork';
  return (
    <>
      <IconServer2 size={16} stroke={1.5} aria-hidden className={css.icon} />
      {here ? (
        <strong className={css.name}>{`${vm.name}, this VM`}</strong>
      ) : (
        <Link to="/machines/$id" params={{ id: vm.id }} className={css.link}>
          {vm.name}
        </Link>
      )}
      <span className={css.fine}>{origin}</span>
      <VmStateMark state={vm.status} />
      <Age at={vm.created_at} now={now} />
    </>
  );
}

function Branch({
  nodes,
  now,
  hereId,
}: {
  readonly nodes: readonly FamilyNode[];
  readonly now: number;
  readonly hereId: string | undefined;
}): ReactNode {
  return (
    <ul className={css.branch}>
      {nodes.map((node) => (
        <li key={node.id} className={css.node}>
          <div className={css.line} data-here={node.id === hereId || undefined}>
            <Line node={node} now={now} here={node.id === hereId} />
          </div>
          {node.children.length === 0 ? null : <Branch nodes={node.children} now={now} hereId={hereId} />}
        </li>
      ))}
    </ul>
  );
}

/** What was made from what: VMs, their forks, their snapshots, and VMs that go on from those. Of one VM only its own family. */
export function FamilyTree({ vms, ofVm }: { readonly vms: readonly Vm[]; readonly ofVm?: string }) {
  const snapshots = useSnapshots();
  const now = useNow(1000);
  if (snapshots.data === undefined)
    return snapshots.error === null ? (
      <Lines count={3} height={32} />
    ) : (
      <Failure error={snapshots.error} onRetry={() => void snapshots.refetch()} />
    );
  const families = toFamilies(vms, snapshots.data).filter((family) => ofVm === undefined || holds(family, ofVm));
  if (families.length === 0)
    return (
      <Empty title="No VMs and no snapshots yet">
        Create a VM. A snapshot of it keeps memory and disk of one moment; a fork goes on from there at once.
      </Empty>
    );
  return (
    <div className={css.tree}>
      <Branch nodes={families} now={now} hereId={ofVm} />
    </div>
  );
}
