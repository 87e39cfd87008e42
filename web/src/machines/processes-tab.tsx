import { Button, Checkbox, NativeSelect, TextInput } from '@mantine/core';
import { IconPlayerPlay } from '@tabler/icons-react';
import { Link, useNavigate, useSearch } from '@tanstack/react-router';
import { type FormEvent, useState } from 'react';
import type { VmProcess } from '../../../src/contracts/processes.ts';
import type { Vm } from '../../../src/contracts/vms.ts';
import { formatAge, formatBytes, formatDuration } from '../shared/format.ts';
import { Freshness } from '../shared/freshness.tsx';
import { Empty, Failure, Lines } from '../shared/states.tsx';
import { useNow } from '../shared/use-now.ts';
import { startProcess } from './api.ts';
import { commandOf, describeState } from './describe-process.ts';
import shared from './machines.module.css';
import { ProcessView } from './process-view.tsx';
import css from './processes.module.css';
import { useChange, useProcesses } from './queries.ts';

function StartForm({ vm }: { readonly vm: Vm }) {
  const navigate = useNavigate({ from: '/machines/$id' });
  const [line, setLine] = useState('');
  const [user, setUser] = useState('sandbox');
  const [keep, setKeep] = useState(false);
  const start = useChange(() => startProcess(vm.id, { shell: line, user, keep_stdin: keep }));
  /** Not for somebody who has gone to another part meanwhile. */
  const show = ({ id }: VmProcess) => {
    setLine('');
    void navigate({ search: { process: id }, replace: true });
  };
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (line.trim() !== '' && !start.isPending) start.mutate(undefined, { onSuccess: show });
  };
  return (
    <form className={css.start} onSubmit={submit}>
      <TextInput
        className={css.grow}
        aria-label="Command"
        placeholder={vm.status === 'paused' ? 'A command; it resumes the VM' : 'A command, run by bash'}
        classNames={{ input: css.mono ?? '' }}
        value={line}
        onChange={(event) => setLine(event.currentTarget.value)}
      />
      <NativeSelect
        aria-label="User"
        data={['sandbox', 'root']}
        value={user}
        onChange={(event) => setUser(event.currentTarget.value)}
      />
      <Checkbox label="Keep its input open" checked={keep} onChange={(event) => setKeep(event.currentTarget.checked)} />
      <Button
        type="submit"
        loading={start.isPending}
        disabled={line.trim() === ''}
        leftSection={<IconPlayerPlay size={16} stroke={1.5} />}
      >
        Run
      </Button>
      {start.error === null ? null : (
        <div className={css.whole}>
          <Failure error={start.error} />
        </div>
      )}
    </form>
  );
}

function Row({
  process,
  now,
  chosen,
}: {
  readonly process: VmProcess;
  readonly now: number;
  readonly chosen: boolean;
}) {
  const runs = process.state === 'running';
  const time = process.duration_ms ?? now - Date.parse(process.started_at);
  return (
    <li>
      <Link
        from="/machines/$id"
        to="."
        search={{ process: process.id }}
        replace
        className={css.row}
        aria-current={chosen ? 'true' : undefined}
      >
        <code className={css.line}>{commandOf(process)}</code>
        <span className={css.outcome} data-good={process.exit_code === 0 || runs || undefined}>
          {describeState(process)}
        </span>
        <span className={css.number}>{formatBytes(process.stdout_bytes + process.stderr_bytes)}</span>
        <span className={css.number}>{formatDuration(Math.max(0, time))}</span>
        <span className={css.number}>{formatAge(process.started_at, now)}</span>
      </Link>
    </li>
  );
}

/** The processes of a VM, the newest first; the one that the address names with its output. */
export function ProcessesTab({ vm }: { readonly vm: Vm }) {
  const processes = useProcesses(vm.id);
  const { process: wanted } = useSearch({ from: '/machines/$id' });
  const now = useNow(1000);
  const lives = vm.status === 'running' || vm.status === 'paused';
  const list = processes.data?.processes ?? [];
  const chosen = list.find(({ id }) => id === wanted);
  return (
    <div className={shared.stack}>
      {lives ? <StartForm vm={vm} /> : null}
      {chosen === undefined ? null : <ProcessView key={chosen.id} process={chosen} vmId={vm.id} />}
      {processes.data === undefined ? (
        processes.error === null ? (
          <Lines count={3} height={36} />
        ) : (
          <Failure error={processes.error} onRetry={() => void processes.refetch()} />
        )
      ) : list.length === 0 ? (
        <Empty title="Nothing was started here yet">
          Run a command above. It goes on when you leave this page, and what it writes is kept here.
        </Empty>
      ) : (
        <>
          <div className={shared.bar}>
            <span className={css.number}>
              {`${processes.data.running} of at most ${processes.data.max_running} run; of those that ended, the last are kept`}
            </span>
            <Freshness read={processes} />
          </div>
          <ul className={css.rows}>
            {list.toReversed().map((process) => (
              <Row key={process.id} process={process} now={now} chosen={process.id === wanted} />
            ))}
          </ul>
        </>
      )}
    </div>
  );
}
