import { Anchor, Button, CopyButton, NativeSelect } from '@mantine/core';
import { IconExternalLink, IconLink } from '@tabler/icons-react';
import { useState } from 'react';
import type { PreviewLink, VmPort } from '../../../src/contracts/vm-ports.ts';
import type { Vm } from '../../../src/contracts/vms.ts';
import { formatUntil } from '../shared/format.ts';
import { Freshness } from '../shared/freshness.tsx';
import { Empty, Failure, Lines } from '../shared/states.tsx';
import { useNow } from '../shared/use-now.ts';
import { makePreviewLink } from './api.ts';
import shared from './machines.module.css';
import css from './ports.module.css';
import { useChange, usePorts } from './queries.ts';

const lifetimes = [
  { label: '10 minutes', value: '600' },
  { label: '1 hour', value: '3600' },
  { label: '1 day', value: '86400' },
  { label: '1 week', value: '604800' },
];

function Link({ link }: { readonly link: PreviewLink }) {
  const now = useNow(1000);
  if (Date.parse(link.expires_at) <= now) return <span className={css.fine}>its link has ended</span>;
  return (
    <span className={css.link}>
      <Anchor href={link.url} target="_blank" rel="noopener noreferrer" className={css.open}>
        Open
        <IconExternalLink size={14} stroke={1.5} aria-hidden />
      </Anchor>
      <CopyButton value={link.url}>
        {({ copied, copy }) => (
          <Button size="compact-sm" variant="default" onClick={copy}>
            {copied ? 'Copied' : 'Copy the link'}
          </Button>
        )}
      </CopyButton>
      <span className={css.fine}>{`ends ${formatUntil(link.expires_at, now)}`}</span>
    </span>
  );
}

interface RowProps {
  readonly vm: Vm;
  readonly port: VmPort;
  readonly seconds: number;
}

function Row({ vm, port, seconds }: RowProps) {
  const make = useChange(() => makePreviewLink({ vmId: vm.id, port: port.port }, seconds));
  return (
    <li className={css.row}>
      <strong className={css.port}>{port.port}</strong>
      <span className={css.program}>{port.program ?? 'unknown program'}</span>
      <span className={css.fine}>{`on ${port.address}`}</span>
      <span className={css.actions}>
        {make.data === undefined ? null : <Link link={make.data} />}
        <Button
          size="compact-sm"
          variant="default"
          loading={make.isPending}
          leftSection={<IconLink size={14} stroke={1.5} />}
          onClick={() => make.mutate(undefined)}
        >
          {make.data === undefined ? 'Make a link' : 'Make another'}
        </Button>
      </span>
      {make.error === null ? null : (
        <div className={css.whole}>
          <Failure error={make.error} />
        </div>
      )}
    </li>
  );
}

const howToServe =
  'Start a server under Processes, for example python3 -m http.server 8000. It is shown here when it listens.';

/** The ports that programs in a VM listen on, with links that show what they answer. */
export function PortsTab({ vm }: { readonly vm: Vm }) {
  const ports = usePorts(vm.id, vm.status);
  const [seconds, setSeconds] = useState('3600');
  if (vm.status !== 'running')
    return <Empty title={`The VM is ${vm.status}`}>Its ports are listed by its guest, which does not run now.</Empty>;
  if (ports.data === undefined)
    return ports.error === null ? (
      <Lines count={2} height={44} />
    ) : (
      <Failure error={ports.error} onRetry={() => void ports.refetch()} />
    );
  if (ports.data.length === 0) return <Empty title="Nothing listens in this VM">{howToServe}</Empty>;
  return (
    <div className={shared.stack}>
      <div className={shared.bar}>
        <NativeSelect
          label="A new link works for"
          data={lifetimes}
          value={seconds}
          onChange={(event) => setSeconds(event.currentTarget.value)}
        />
        <Freshness read={ports} />
      </div>
      <p className={css.fine}>
        Whoever has a link sees what the port answers, without signing in. Its pages get neither your cookies nor your
        keys.
      </p>
      <ul className={css.rows}>
        {ports.data.map((port) => (
          <Row key={`${port.address} ${port.port}`} vm={vm} port={port} seconds={Number(seconds)} />
        ))}
      </ul>
    </div>
  );
}
