import { Button } from '@mantine/core';
import { IconPlayerPause, IconPlayerPlay, IconPlayerStop } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import type { Vm } from '../../../src/contracts/vms.ts';
import { Failure } from '../shared/states.tsx';
import { pauseVm, resumeVm, startVm, stopVm } from './api.ts';
import { Ask } from './ask.tsx';
import css from './machine-actions.module.css';
import { useChange } from './queries.ts';

interface Change {
  readonly word: string;
  readonly icon: ReactNode;
  readonly make: (id: string) => Promise<Vm>;
}

const iconProps = { size: 16, stroke: 1.5 } as const;
const pause: Change = { word: 'Pause', icon: <IconPlayerPause {...iconProps} />, make: pauseVm };
const resume: Change = { word: 'Resume', icon: <IconPlayerPlay {...iconProps} />, make: resumeVm };
const start: Change = { word: 'Start', icon: <IconPlayerPlay {...iconProps} />, make: startVm };

const changeFor = ({ status }: Vm): Change => (status === 'stopped' ? start : status === 'paused' ? resume : pause);

function StopDialog({ vm, onClose }: { readonly vm: Vm; readonly onClose: () => void }) {
  const stop = useChange(() => stopVm(vm.id), onClose);
  return (
    <Ask
      title={`Stop ${vm.name}`}
      verb="Stop"
      explanation="Its programs are asked to end, and what is in its memory is gone. Its disk is kept, and it boots with that when it is started."
      change={stop}
      onSubmit={() => stop.mutate(undefined)}
      onClose={onClose}
    />
  );
}

/** Lets a VM stand still or go on, stop or start, as the state that it is in allows. */
export function LifeCycleButtons({ vm }: { readonly vm: Vm }) {
  const [asks, setAsks] = useState(false);
  const { word, icon, make } = changeFor(vm);
  const change = useChange(() => make(vm.id));
  const lives = vm.status === 'running' || vm.status === 'paused';
  return (
    <>
      <Button
        size="sm"
        variant="default"
        loading={change.isPending}
        disabled={!lives && vm.status !== 'stopped'}
        leftSection={icon}
        onClick={() => change.mutate(undefined)}
      >
        {word}
      </Button>
      {lives ? (
        <Button
          size="sm"
          variant="default"
          leftSection={<IconPlayerStop {...iconProps} />}
          onClick={() => setAsks(true)}
        >
          Stop
        </Button>
      ) : null}
      {change.error === null ? null : (
        <div className={css.failure}>
          <Failure error={change.error} />
        </div>
      )}
      {asks ? <StopDialog vm={vm} onClose={() => setAsks(false)} /> : null}
    </>
  );
}
