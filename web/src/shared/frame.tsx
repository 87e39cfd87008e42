import { ActionIcon, Tooltip, useComputedColorScheme, useMantineColorScheme } from '@mantine/core';
import {
  IconHistory,
  IconServer2,
  IconShieldQuestion,
  IconMessageQuestion,
  IconMoon,
  IconPlugConnectedX,
  IconSun,
} from '@tabler/icons-react';
import { Link, Outlet, useRouterState } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { SystemStatus } from '../../../src/contracts/health.ts';
import { ApiError, ConnectionLost } from './api.ts';
import css from './frame.module.css';
import { useApprovals, useSystem } from './queries.ts';
import { SignedOut } from './signed-out.tsx';

const places = [
  {
    to: '/',
    label: 'Ask',
    icon: IconMessageQuestion,
    holds: (path: string) => path === '/' || path.startsWith('/parallelization'),
  },
  { to: '/runs', label: 'Runs', icon: IconHistory, holds: (path: string) => path.startsWith('/runs') },
  {
    to: '/machines',
    label: 'Machines',
    icon: IconServer2,
    holds: (path: string) => path.startsWith('/machines'),
  },
  {
    to: '/approvals',
    label: 'Approvals',
    icon: IconShieldQuestion,
    holds: (path: string) => path.startsWith('/approvals'),
  },
] as const;

/** How much code waits for a person's word. */
function Waiting() {
  const approvals = useApprovals();
  const count = approvals.data?.filter(({ state }) => state === 'waiting').length ?? 0;
  return count === 0 ? null : (
    <span className={css.count} aria-label={`${count} waiting`}>
      {count}
    </span>
  );
}

function Rail() {
  const path = useRouterState({ select: (state) => state.location.pathname });
  return (
    <nav className={css.rail} aria-label="Places">
      <div className={css.places}>
        <Link to="/" className={css.sign} aria-label="Bigbox, start page">
          <img src="/icon.svg" width={28} height={28} alt="" />
        </Link>
        {places.map((place) => (
          <Link
            key={place.to}
            to={place.to}
            className={css.place}
            data-here={place.holds(path) || undefined}
            aria-current={place.holds(path) ? 'page' : undefined}
          >
            <place.icon size={20} stroke={1.5} aria-hidden />
            <span>{place.label}</span>
            {place.to === '/approvals' ? <Waiting /> : null}
          </Link>
        ))}
      </div>
    </nav>
  );
}

type PartState = SystemStatus['model']['state'];
const partWords: Readonly<Record<PartState, string>> = {
  ready: 'ready',
  starting: 'starting',
  unavailable: 'not available',
};

function LiveMark(props: {
  readonly label: string;
  readonly state: PartState;
  readonly detail: string;
  readonly short?: string | undefined;
}) {
  return (
    <Tooltip label={props.detail}>
      <span className={css.mark} data-state={props.state} tabIndex={0}>
        <i className={css.lamp} aria-hidden />
        <span className={css.markName}>{props.label}</span>
        <span className={css.markState}>
          {props.state === 'ready' ? (props.short ?? 'ready') : partWords[props.state]}
        </span>
      </span>
    </Tooltip>
  );
}

function describeModel(model: SystemStatus['model']): string {
  const parts = [
    `Model ${partWords[model.state]}${model.name === undefined ? '' : `: ${model.name}`}${model.provider === undefined ? '' : ` (${model.provider})`}.`,
    model.tokens_per_second === undefined
      ? undefined
      : `${model.tokens_per_second.toFixed(1)} tokens a second, measured.`,
    model.requested === undefined || model.requested === model.name ? undefined : `Asked for: ${model.requested}.`,
    model.note,
  ];
  return parts.filter((part) => part !== undefined).join(' ');
}

function describeVm(vm: SystemStatus['vm']): string {
  const how = vm.accelerator === 'tcg' ? 'emulated, without KVM' : vm.accelerator === 'kvm' ? 'with KVM' : undefined;
  const driver = [vm.driver, how].filter((part) => part !== undefined).join(', ');
  return [`MicroVMs ${partWords[vm.state]}${driver === '' ? '' : `: ${driver}`}.`, vm.note].filter(Boolean).join(' ');
}

function SystemMarks({ system }: { readonly system: SystemStatus | undefined }) {
  if (system === undefined) return null;
  return (
    <>
      <LiveMark
        label="Model"
        state={system.model.state}
        detail={describeModel(system.model)}
        short={system.model.name}
      />
      <LiveMark label="VMs" state={system.vm.state} detail={describeVm(system.vm)} />
    </>
  );
}

function ThemeSwitch() {
  const { setColorScheme } = useMantineColorScheme();
  const scheme = useComputedColorScheme('light');
  const next = scheme === 'dark' ? 'light' : 'dark';
  return (
    <Tooltip label={`Switch to the ${next} theme`}>
      <ActionIcon
        variant="subtle"
        color="gray"
        size="lg"
        aria-label={`Switch to the ${next} theme`}
        onClick={() => setColorScheme(next)}
      >
        {scheme === 'dark' ? <IconSun size={18} stroke={1.5} /> : <IconMoon size={18} stroke={1.5} />}
      </ActionIcon>
    </Tooltip>
  );
}

function usePlace(): string {
  const path = useRouterState({ select: (state) => state.location.pathname });
  if (path.startsWith('/parallelization')) return 'Parallel analysis';
  if (path.startsWith('/runs/')) return 'Run';
  if (path.startsWith('/runs')) return 'Runs';
  if (path.startsWith('/machines/')) return 'Machine';
  if (path.startsWith('/machines')) return 'Machines';
  if (path.startsWith('/approvals')) return 'Approvals';
  return 'Ask';
}

function OfflineBar({ shown }: { readonly shown: boolean }) {
  return (
    <div role="status" aria-live="polite">
      {shown ? (
        <div className={css.offline}>
          <IconPlugConnectedX size={16} stroke={1.5} aria-hidden />
          Connection lost, trying again. What you see is the last that came.
        </div>
      ) : null}
    </div>
  );
}

function Shell(props: {
  readonly children: ReactNode;
  readonly system: SystemStatus | undefined;
  readonly offline: boolean;
}) {
  const place = usePlace();
  return (
    <div className={css.frame}>
      <title>{`${place} · Bigbox`}</title>
      <a href="#content" className={css.skip}>
        Skip to the content
      </a>
      <Rail />
      <div className={css.column}>
        <header className={css.bar}>
          <span className={css.title}>{place}</span>
          <div className={css.marks}>
            <SystemMarks system={props.system} />
            <ThemeSwitch />
          </div>
        </header>
        <OfflineBar shown={props.offline} />
        <main className={css.content} id="content">
          {props.children}
        </main>
      </div>
    </div>
  );
}

/** What stands around every page: rail or bottom bar, top bar with the live marks, the bar of a lost connection. */
export function Frame() {
  const system = useSystem();
  if (
    system.error instanceof ApiError &&
    (system.error.body.code === 'UNAUTHENTICATED' || system.error.body.code === 'FORBIDDEN')
  )
    return <SignedOut />;
  return (
    <Shell system={system.data} offline={system.error instanceof ConnectionLost}>
      <Outlet />
    </Shell>
  );
}
