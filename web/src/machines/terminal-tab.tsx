import { Button, NativeSelect } from '@mantine/core';
import { IconTerminal2 } from '@tabler/icons-react';
import { useNavigate, useSearch } from '@tanstack/react-router';
import { Suspense, lazy, useState } from 'react';
import type { VmProcess } from '../../../src/contracts/processes.ts';
import type { Vm } from '../../../src/contracts/vms.ts';
import { Empty, Failure, Lines } from '../shared/states.tsx';
import { startProcess } from './api.ts';
import { describeState } from './describe-process.ts';
import shared from './machines.module.css';
import { useChange, useProcesses } from './queries.ts';
import css from './terminal.module.css';

// A third of a megabyte that only those who open a terminal need.
const TerminalView = lazy(() => import('./terminal-view.tsx').then((module) => ({ default: module.TerminalView })));

const firstSize = { rows: 24, cols: 80 };

function Open({ vm, again }: { readonly vm: Vm; readonly again: boolean }) {
  const navigate = useNavigate({ from: '/machines/$id' });
  const [user, setUser] = useState('sandbox');
  const open = useChange(
    () => startProcess(vm.id, { argv: ['bash', '-l'], pty: firstSize, user }),
    ({ id }) => void navigate({ search: { tab: 'terminal', process: id }, replace: true }),
  );
  return (
    <div className={shared.stack}>
      <div className={css.open}>
        <NativeSelect
          aria-label="User of the shell"
          data={['sandbox', 'root']}
          value={user}
          onChange={(event) => setUser(event.currentTarget.value)}
        />
        <Button
          loading={open.isPending}
          leftSection={<IconTerminal2 size={16} stroke={1.5} />}
          onClick={() => open.mutate(undefined)}
        >
          {again ? 'Open another shell' : 'Open a shell'}
        </Button>
      </div>
      {open.error === null ? null : <Failure error={open.error} />}
    </div>
  );
}

function Chosen({ vm, process }: { readonly vm: Vm; readonly process: VmProcess }) {
  return (
    <Suspense fallback={<Lines count={1} height={440} />}>
      <TerminalView key={process.id} name={{ vmId: vm.id, processId: process.id }} />
    </Suspense>
  );
}

/** A shell in a VM, in the browser. It goes on when the page is left, and is there again with what it showed. */
export function TerminalTab({ vm }: { readonly vm: Vm }) {
  const processes = useProcesses(vm.id);
  const { process: wanted } = useSearch({ from: '/machines/$id' });
  if (vm.status !== 'running' && vm.status !== 'paused')
    return <Empty title={`The VM is ${vm.status}`}>A shell needs a VM that runs.</Empty>;
  if (processes.data === undefined)
    return processes.error === null ? <Lines count={1} height={440} /> : <Failure error={processes.error} />;
  const terminals = processes.data.processes.filter(({ pty }) => pty !== undefined);
  const running = terminals.findLast(({ state }) => state === 'running');
  const chosen = terminals.find(({ id }) => id === wanted) ?? running;
  if (chosen === undefined)
    return (
      <Empty title="No shell is open" action={<Open vm={vm} again={false} />}>
        {vm.status === 'paused'
          ? 'Opening one resumes the VM.'
          : 'It goes on when you leave this page, and is here again when you come back.'}
      </Empty>
    );
  return (
    <div className={shared.stack}>
      <Chosen vm={vm} process={chosen} />
      {chosen.state === 'running' ? null : (
        <p role="status" className={css.fine}>
          {`The shell has ended: ${describeState(chosen)}.`}
        </p>
      )}
      <Open vm={vm} again />
    </div>
  );
}
