import { Button, NumberInput, TextInput } from '@mantine/core';
import { IconCamera, IconGitFork, IconPlayerPause, IconPlayerPlay, IconTrash } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { type FormEvent, type ReactNode, useState } from 'react';
import type { Vm } from '../../../src/contracts/vms.ts';
import { Dialog, DialogActions } from '../shared/dialog.tsx';
import { Failure } from '../shared/states.tsx';
import { createSnapshot, forkVm, pauseVm, resumeVm } from './api.ts';
import { DeleteDialog } from './delete-dialog.tsx';
import css from './machine-actions.module.css';
import shared from './machines.module.css';
import { useChange } from './queries.ts';

interface AskProps {
  readonly title: string;
  readonly verb: string;
  readonly explanation: string;
  readonly children: ReactNode;
  readonly change: { readonly isPending: boolean; readonly error: Error | null };
  readonly onSubmit: () => void;
  readonly onClose: () => void;
}

function Ask({ title, verb, explanation, children, change, onSubmit, onClose }: AskProps) {
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (!change.isPending) onSubmit();
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <form className={shared.form} onSubmit={submit}>
        <p className={css.explanation}>{explanation}</p>
        {children}
        {change.error === null ? null : <Failure error={change.error} />}
        <DialogActions>
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={change.isPending}>
            {verb}
          </Button>
        </DialogActions>
      </form>
    </Dialog>
  );
}

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

function PauseButton({ vm }: { readonly vm: Vm }) {
  const paused = vm.status === 'paused';
  const change = useChange(() => (paused ? resumeVm(vm.id) : pauseVm(vm.id)));
  return (
    <>
      <Button
        size="sm"
        variant="default"
        loading={change.isPending}
        disabled={vm.status !== 'running' && !paused}
        leftSection={paused ? <IconPlayerPlay size={16} stroke={1.5} /> : <IconPlayerPause size={16} stroke={1.5} />}
        onClick={() => change.mutate(undefined)}
      >
        {paused ? 'Resume' : 'Pause'}
      </Button>
      {change.error === null ? null : (
        <div className={css.failure}>
          <Failure error={change.error} />
        </div>
      )}
    </>
  );
}

/** What can be done with a VM in the state that it is in. */
export function MachineActions({ vm }: { readonly vm: Vm }) {
  const navigate = useNavigate();
  const [shown, setShown] = useState<'snapshot' | 'fork' | 'delete'>();
  const close = () => setShown(undefined);
  const lives = vm.status === 'running' || vm.status === 'paused';
  return (
    <div className={css.actions}>
      <PauseButton vm={vm} />
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
      {shown === 'delete' ? (
        <DeleteDialog vms={[vm]} onClose={close} onDeleted={() => void navigate({ to: '/machines' })} />
      ) : null}
    </div>
  );
}
