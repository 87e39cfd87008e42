import { Button, CloseButton, NumberInput, TextInput } from '@mantine/core';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { VmProcess } from '../../../src/contracts/processes.ts';
import { formatBytes, formatDuration } from '../shared/format.ts';
import { Failure } from '../shared/states.tsx';
import { type ProcessName, killProcess, signalProcess, writeStdin } from './api.ts';
import { commandOf, describeState } from './describe-process.ts';
import { useOutput } from './output-stream.ts';
import css from './processes.module.css';
import { useChange } from './queries.ts';
import { TextPane } from '../shared/text-pane.tsx';

function Stdin({ name }: { readonly name: ProcessName }) {
  const [line, setLine] = useState('');
  const write = useChange(
    (wish: { readonly data?: string; readonly end?: boolean }) => writeStdin(name, wish),
    () => setLine(''),
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    write.mutate({ data: `${line}\n` });
  };
  return (
    <form className={css.stdin} onSubmit={submit}>
      <TextInput
        className={css.grow}
        aria-label="A line for standard input"
        placeholder="A line for standard input, where it was kept open"
        classNames={{ input: css.mono ?? '' }}
        value={line}
        onChange={(event) => setLine(event.currentTarget.value)}
      />
      <Button type="submit" variant="default" loading={write.isPending}>
        Send
      </Button>
      <Button variant="default" onClick={() => write.mutate({ end: true })}>
        Close input
      </Button>
      {write.error === null ? null : (
        <div className={css.whole}>
          <Failure error={write.error} />
        </div>
      )}
    </form>
  );
}

function Orders({ name }: { readonly name: ProcessName }) {
  const interrupt = useChange(() => signalProcess(name, 'SIGINT'));
  const kill = useChange(() => killProcess(name));
  const error = interrupt.error ?? kill.error;
  return (
    <>
      <Button size="xs" variant="default" loading={interrupt.isPending} onClick={() => interrupt.mutate(undefined)}>
        Interrupt
      </Button>
      <Button size="xs" variant="default" loading={kill.isPending} onClick={() => kill.mutate(undefined)}>
        Kill with all it started
      </Button>
      {error === null ? null : (
        <div className={css.whole}>
          <Failure error={error} />
        </div>
      )}
    </>
  );
}

function From({ process, from }: { readonly process: VmProcess; readonly from: number }) {
  const navigate = useNavigate({ from: '/machines/$id' });
  const [wanted, setWanted] = useState<string | number>(from);
  const submit = (event: FormEvent) => {
    event.preventDefault();
    const next = Number(wanted);
    void navigate({
      search: (before) => ({ ...before, from: next === 0 ? undefined : next }),
      replace: true,
    });
  };
  return (
    <form className={css.from} onSubmit={submit}>
      <label htmlFor="from">From byte</label>
      <NumberInput
        id="from"
        size="xs"
        w={104}
        min={0}
        max={process.next_offset}
        allowDecimal={false}
        hideControls
        value={wanted}
        onChange={setWanted}
      />
      <Button type="submit" size="xs" variant="default">
        Read
      </Button>
    </form>
  );
}

function describeEnd(process: VmProcess): string {
  const parts = [
    describeState(process),
    process.duration_ms === undefined ? undefined : `after ${formatDuration(process.duration_ms)}`,
    process.cpu_time_ms === undefined ? undefined : `processor ${formatDuration(process.cpu_time_ms)}`,
    process.memory_peak_bytes === undefined ? undefined : `memory at most ${formatBytes(process.memory_peak_bytes)}`,
  ];
  return parts.filter((part) => part !== undefined).join(', ');
}

/** One process: its output, recorded and live, and what can be done with it. */
export function ProcessView({ process: listed, vmId }: { readonly process: VmProcess; readonly vmId: string }) {
  const { from = 0 } = useSearch({ from: '/machines/$id' });
  const navigate = useNavigate({ from: '/machines/$id' });
  const name = { vmId, processId: listed.id };
  const output = useOutput(name, from);
  const process = output.ended ?? listed;
  const runs = process.state === 'running';
  return (
    <section className={css.view} aria-label={`Process ${process.id}`}>
      <div className={css.viewHead}>
        <code className={css.command}>{commandOf(process)}</code>
        <CloseButton aria-label="Close the output" onClick={() => void navigate({ search: {}, replace: true })} />
      </div>
      <div className={css.viewFacts}>
        <span role="status" className={css.outcome} data-good={process.exit_code === 0 || runs || undefined}>
          {describeEnd(process)}
        </span>
        <span>{`${process.id}, pid ${process.guest_pid}, ${process.user}`}</span>
        <span>{`output ${formatBytes(process.stdout_bytes)}, errors ${formatBytes(process.stderr_bytes)} in red`}</span>
        {runs ? <Orders name={name} /> : null}
        <From key={from} process={process} from={from} />
      </div>
      {output.error === undefined ? null : <Failure error={output.error} />}
      <TextPane label="Output" pieces={output.pieces} live />
      {runs ? <Stdin name={name} /> : null}
    </section>
  );
}
