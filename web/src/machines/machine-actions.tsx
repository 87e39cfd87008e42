import { Button, NumberInput, TextInput } from '@mantine/core';
import { IconArrowBigUp, IconCamera, IconGitFork, IconTrash } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import type { Vm } from '../../../src/contracts/vms.ts';
import { createSnapshot, forkVm, promoteVm } from './api.ts';
import { Ask } from './ask.tsx';
import { DeleteDialog } from './delete-dialog.tsx';
import { LifeCycleButtons } from './life-cycle-buttons.tsx';
import css from './machine-actions.module.css';
import shared from './machines.module.css';
import { useChange } from './queries.ts';

interface DialogProps {
  readonly vm: Vm;
  readonly onClose: () => void;
}

function SnapshotDialog({ vm, onClose }: DialogProps) {
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const take = useChange(
    () => createSnapshot(vm.id, name.trim() === '' ? {} : { name: name.trim() }),
    () => {
      onClose();
      void navigate({ to: '/machines/$id', params: { id: vm.id }, search: { tab: 'tree' } });
    },
  );
  return (
    <Ask
      title={`Keep a snapshot of ${vm.name}`}
      verb="Make the snapshot"
      explanation="Memory, devices and disk of this moment. The VM stands still meanwhile and goes on."
      change={take}
      onSubmit={() => take.mutate(undefined)}
      onClose={onClose}
    >
      <TextInput
        label="Name"
        placeholder="its id"
        maxLength={200}
        autoFocus
        value={name}
        onChange={(event) => setName(event.currentTarget.value)}
      />
    </Ask>
  );
}

function ForkDialog({ vm, onClose }: DialogProps) {
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const [count, setCount] = useState(1);
  const fork = useChange(
    () => forkVm(vm.id, { count, ...(name.trim() === '' ? {} : { name: name.trim() }) }),
    () => {
      onClose();
      void navigate({ to: '/machines/$id', params: { id: vm.id }, search: { tab: 'tree' } });
    },
  );
  return (
    <Ask
      title={`Fork ${vm.name}`}
      verb="Fork"
      explanation="The forks go on from where it stands, with its memory, disk, labels and timeout, and so does it."
      change={fork}
      onSubmit={() => fork.mutate(undefined)}
      onClose={onClose}
    >
      <div className={shared.pair}>
        <NumberInput
          label="How many"
          min={1}
          max={100}
          clampBehavior="strict"
          allowDecimal={false}
          hideControls
          data-autofocus
          value={count}
          onChange={(value) => setCount(Math.max(1, Number(value)))}
        />
        <TextInput
          label="Name"
          placeholder={vm.name}
          description="A number is put behind it."
          inputWrapperOrder={['label', 'input', 'description']}
          maxLength={190}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
      </div>
    </Ask>
  );
}

function PromoteDialog({ vm, onClose }: DialogProps) {
  const navigate = useNavigate();
  const promote = useChange(
    () => promoteVm(vm.id),
    ({ id }) => void navigate({ to: '/machines/$id', params: { id } }),
  );
  return (
    <Ask
      title={`Promote ${vm.name}`}
      verb="Promote"
      explanation={`The VM ${vm.forked_from ?? ''} goes on as this fork is, with its memory and its disk, under the name and the id that it has. What it did since the fork is gone, and so are its other forks.`}
      change={promote}
      onSubmit={() => promote.mutate(undefined)}
      onClose={onClose}
    />
  );
}

/** What can be done with a VM in the state that it is in. */
export function MachineActions({ vm }: { readonly vm: Vm }) {
  const navigate = useNavigate();
  const [shown, setShown] = useState<'snapshot' | 'fork' | 'promote' | 'delete'>();
  const close = () => setShown(undefined);
  const lives = vm.status === 'running' || vm.status === 'paused';
  return (
    <div className={css.actions}>
      <LifeCycleButtons vm={vm} />
      <Button
        size="sm"
        variant="default"
        disabled={!lives}
        leftSection={<IconCamera size={16} stroke={1.5} />}
        onClick={() => setShown('snapshot')}
      >
        Snapshot
      </Button>
      <Button
        size="sm"
        variant="default"
        disabled={!lives}
        leftSection={<IconGitFork size={16} stroke={1.5} />}
        onClick={() => setShown('fork')}
      >
        Fork
      </Button>
      {vm.forked_from === undefined ? null : (
        <Button
          size="sm"
          variant="default"
          disabled={!lives}
          leftSection={<IconArrowBigUp size={16} stroke={1.5} />}
          onClick={() => setShown('promote')}
        >
          Promote
        </Button>
      )}
      <Button
        size="sm"
        variant="default"
        leftSection={<IconTrash size={16} stroke={1.5} />}
        onClick={() => setShown('delete')}
      >
        Delete
      </Button>
      {shown === 'snapshot' ? <SnapshotDialog vm={vm} onClose={close} /> : null}
      {shown === 'fork' ? <ForkDialog vm={vm} onClose={close} /> : null}
      {shown === 'promote' ? <PromoteDialog vm={vm} onClose={close} /> : null}
      {shown === 'delete' ? (
        <DeleteDialog vms={[vm]} onClose={close} onDeleted={() => void navigate({ to: '/machines' })} />
      ) : null}
    </div>
  );
}
