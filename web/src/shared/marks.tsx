import {
  IconAlertTriangle,
  IconCircleCheck,
  IconCircleMinus,
  IconClock,
  IconEdit,
  IconPencil,
  IconPlayerPause,
  IconPlayerStop,
  IconPlayerPlay,
  IconTerminal2,
} from '@tabler/icons-react';
import type { AgentState, RunState } from '../../../src/contracts/runs.ts';
import type { VmStatus } from '../../../src/contracts/vms.ts';
import type { AgentIdentity } from './agents.ts';
import css from './marks.module.css';

type Tone = 'accent' | 'done' | 'failed' | 'off';
interface StateLook {
  readonly word: string;
  readonly icon: typeof IconClock;
  readonly tone: Tone;
}

const runLooks: Readonly<Record<RunState, StateLook>> = {
  pending: { word: 'waiting to start', icon: IconClock, tone: 'off' },
  running: { word: 'running', icon: IconPlayerPlay, tone: 'accent' },
  completed: { word: 'done', icon: IconCircleCheck, tone: 'done' },
  failed: { word: 'failed', icon: IconAlertTriangle, tone: 'failed' },
  cancelled: { word: 'cancelled', icon: IconCircleMinus, tone: 'off' },
};

const agentLooks: Readonly<Record<AgentState, StateLook>> = {
  waiting: { word: 'waiting for the model', icon: IconClock, tone: 'off' },
  thinking: { word: 'writing', icon: IconPencil, tone: 'accent' },
  'running-code': { word: 'running code', icon: IconTerminal2, tone: 'accent' },
  revising: { word: 'revising', icon: IconEdit, tone: 'accent' },
  done: { word: 'done', icon: IconCircleCheck, tone: 'done' },
  failed: { word: 'failed', icon: IconAlertTriangle, tone: 'failed' },
  cancelled: { word: 'cancelled', icon: IconCircleMinus, tone: 'off' },
};

const vmLooks: Readonly<Record<VmStatus, StateLook>> = {
  creating: { word: 'being made', icon: IconClock, tone: 'off' },
  running: { word: 'running', icon: IconPlayerPlay, tone: 'accent' },
  paused: { word: 'paused', icon: IconPlayerPause, tone: 'off' },
  stopped: { word: 'stopped', icon: IconPlayerStop, tone: 'off' },
  failed: { word: 'failed', icon: IconAlertTriangle, tone: 'failed' },
};

function StateMark({ look, word }: { readonly look: StateLook; readonly word?: string | undefined }) {
  return (
    <span className={css.state} data-tone={look.tone}>
      <look.icon size={16} stroke={1.5} aria-hidden />
      {word ?? look.word}
    </span>
  );
}

/** The state of a run as icon and word. */
export const RunStateMark = ({ state }: { readonly state: RunState }) => <StateMark look={runLooks[state]} />;

/** The state of an agent as icon and word; `word` replaces the general one where more is known. */
export const AgentStateMark = ({ state, word }: { readonly state: AgentState; readonly word?: string | undefined }) => (
  <StateMark look={agentLooks[state]} word={word} />
);

/** The word for a state of VMs, as the first of a line. */
export const vmWord = (state: VmStatus): string => {
  const { word } = vmLooks[state];
  return word.charAt(0).toUpperCase() + word.slice(1);
};

/** The state of a VM as icon and word. */
export const VmStateMark = ({ state }: { readonly state: VmStatus }) => <StateMark look={vmLooks[state]} />;

/** The small coloured sign of an agent: its initial on a tint of its colour. */
export function AgentSign({ agent }: { readonly agent: AgentIdentity }) {
  return (
    <span className={css.sign} style={{ '--agent': agent.color } as React.CSSProperties} aria-hidden>
      {agent.mark}
    </span>
  );
}
