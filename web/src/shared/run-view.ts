import type { CodeRun, PerspectiveAnswer, Synthesis, TokenUsage } from '../../../src/contracts/analysis.ts';
import type { ErrorBody } from '../../../src/contracts/errors.ts';
import type { AgentState, RunEvent, RunState } from '../../../src/contracts/runs.ts';

/** One program that an agent had run in a microVM; `output` keeps the order in which the pieces came. */
export interface ExecutionView {
  readonly execution: number;
  readonly language: string;
  readonly code: string;
  readonly state: 'running' | 'finished' | 'failed';
  readonly output: readonly { readonly stream: 'stdout' | 'stderr'; readonly text: string }[];
  readonly startedAt: string;
  readonly run?: CodeRun;
  readonly error?: ErrorBody;
}

/** One durable step: a model call, a program, a wait. */
export interface StepView {
  readonly step: string;
  readonly agent: string;
  readonly attempt: number;
  readonly state: 'running' | 'finished' | 'failed';
  readonly startedAt: string;
  readonly endedAt?: string;
  readonly durationMs?: number;
  readonly usage?: TokenUsage;
  /** Output tokens so far, counted by the server while the step runs. */
  readonly streamedTokens: number;
  readonly repeated: boolean;
  readonly error?: ErrorBody;
}

/** Everything that one agent's lane shows. `text` is the text of the newest model call, which `textStep` names. */
export interface LaneView {
  readonly agent: string;
  readonly state: AgentState;
  readonly text: string;
  readonly textStep?: string;
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly executions: readonly ExecutionView[];
  readonly answer?: PerspectiveAnswer;
  readonly error?: ErrorBody;
}

/** A run as the pages show it, made from its events alone. */
export interface RunView {
  readonly id: string;
  readonly status: RunState;
  readonly topic: string;
  readonly perspectives: readonly string[];
  readonly domains: readonly string[];
  readonly model?: {
    readonly provider: string;
    readonly name: string;
    readonly substituted_because?: string | undefined;
  };
  readonly startedAt?: string;
  readonly endedAt?: string;
  readonly lastSequence: number;
  /** By agent: the perspectives in their order, then `synthesis`. */
  readonly lanes: Readonly<Record<string, LaneView>>;
  /** By step, in the order of their start. */
  readonly steps: Readonly<Record<string, StepView>>;
  readonly synthesis?: Synthesis;
  readonly error?: ErrorBody;
  readonly warnings: readonly string[];
  readonly resumptions: number;
}

/** The agent that sums up. */
export const synthesisAgent = 'synthesis';

const emptyLane = (agent: string): LaneView => ({ agent, state: 'waiting', text: '', executions: [] });

/** A run of which no event is known yet. */
export const emptyRun = (id: string): RunView => ({
  id,
  status: 'pending',
  topic: '',
  perspectives: [],
  domains: [],
  lastSequence: 0,
  lanes: {},
  steps: {},
  warnings: [],
  resumptions: 0,
});

const settled: ReadonlySet<AgentState> = new Set(['done', 'failed', 'cancelled']);
const ended: ReadonlySet<RunState> = new Set(['completed', 'failed', 'cancelled']);

/** True when nothing more will happen in this state. */
export const isEnded = (status: RunState): boolean => ended.has(status);

const changeLane = (view: RunView, agent: string, change: (lane: LaneView) => LaneView): RunView => ({
  ...view,
  lanes: { ...view.lanes, [agent]: change(view.lanes[agent] ?? emptyLane(agent)) },
});

function changeStep(view: RunView, step: string, change: Partial<StepView>): RunView {
  const known = view.steps[step];
  return known === undefined ? view : { ...view, steps: { ...view.steps, [step]: { ...known, ...change } } };
}

const changeExecution = (
  lane: LaneView,
  execution: number,
  change: (one: ExecutionView) => ExecutionView,
): LaneView => ({
  ...lane,
  executions: lane.executions.map((one) => (one.execution === execution ? change(one) : one)),
});

type EventOf<TType extends RunEvent['type']> = Extract<RunEvent, { type: TType }>;

function startRun(view: RunView, event: EventOf<'run-started'>): RunView {
  const agents = [...event.perspectives, synthesisAgent];
  return {
    ...view,
    status: 'running',
    topic: event.topic,
    perspectives: event.perspectives,
    domains: event.domains,
    model: event.model,
    startedAt: event.at,
    lanes: Object.fromEntries(agents.map((agent) => [agent, view.lanes[agent] ?? emptyLane(agent)])),
  };
}

function startStep(view: RunView, event: EventOf<'step-started'> | EventOf<'step-repeated'>): RunView {
  const known = view.steps[event.step];
  const step: StepView = {
    step: event.step,
    agent: event.agent,
    attempt: event.attempt,
    state: 'running',
    startedAt: known?.startedAt ?? event.at,
    streamedTokens: 0,
    repeated: event.type === 'step-repeated' || (known?.repeated ?? false),
  };
  const next = { ...view, steps: { ...view.steps, [event.step]: step } };
  return changeLane(next, event.agent, (lane) => ({
    ...lane,
    startedAt: lane.startedAt ?? event.at,
    text: lane.textStep === event.step ? '' : lane.text,
  }));
}

function finishStep(view: RunView, event: EventOf<'step-finished'>): RunView {
  return changeStep(view, event.step, {
    state: 'finished',
    endedAt: event.at,
    durationMs: event.duration_ms,
    ...(event.usage === undefined ? {} : { usage: event.usage }),
  });
}

function changeAgent(view: RunView, event: EventOf<'agent-changed'>): RunView {
  return changeLane(view, event.agent, (lane) => ({
    ...lane,
    state: event.state,
    ...(event.error === undefined ? {} : { error: event.error }),
    ...(settled.has(event.state) ? { endedAt: event.at } : {}),
  }));
}

function addText(view: RunView, event: EventOf<'text-delta'>): RunView {
  const next = changeStep(view, event.step, { streamedTokens: event.tokens });
  return changeLane(next, event.agent, (lane) => ({
    ...lane,
    text: lane.textStep === event.step ? lane.text + event.text : event.text,
    textStep: event.step,
  }));
}

function startCode(view: RunView, event: EventOf<'code-started'>): RunView {
  const started: ExecutionView = {
    execution: event.execution,
    language: event.language,
    code: event.code,
    state: 'running',
    output: [],
    startedAt: event.at,
  };
  return changeLane(view, event.agent, (lane) => ({
    ...lane,
    executions: [...lane.executions.filter((one) => one.execution !== event.execution), started],
  }));
}

function addOutput(view: RunView, event: EventOf<'code-output'>): RunView {
  return changeLane(view, event.agent, (lane) =>
    changeExecution(lane, event.execution, (one) => {
      const last = one.output.at(-1);
      const merged =
        last?.stream === event.stream
          ? [...one.output.slice(0, -1), { stream: last.stream, text: last.text + event.text }]
          : [...one.output, { stream: event.stream, text: event.text }];
      return { ...one, output: merged };
    }),
  );
}

function finishCode(view: RunView, event: EventOf<'code-finished'>): RunView {
  return changeLane(view, event.agent, (lane) =>
    changeExecution(lane, event.execution, (one) => ({
      ...one,
      state: event.run === undefined ? 'failed' : 'finished',
      ...(event.run === undefined ? {} : { run: event.run }),
      ...(event.error === undefined ? {} : { error: event.error }),
    })),
  );
}

/** A lane that was still at work when the run ended has ended with it. */
function finishRun(view: RunView, event: EventOf<'run-finished'>): RunView {
  const close = (lane: LaneView): LaneView =>
    settled.has(lane.state) ? lane : { ...lane, state: 'cancelled', endedAt: event.at };
  return {
    ...view,
    status: event.status,
    endedAt: event.at,
    ...(event.error === undefined ? {} : { error: event.error }),
    lanes: Object.fromEntries(Object.entries(view.lanes).map(([agent, lane]) => [agent, close(lane)])),
  };
}

function applyStep(view: RunView, event: RunEvent): RunView {
  switch (event.type) {
    case 'step-started':
    case 'step-repeated':
      return startStep(view, event);
    case 'step-finished':
      return finishStep(view, event);
    case 'step-failed':
      return changeStep(view, event.step, { state: 'failed', endedAt: event.at, error: event.error });
    case 'text-delta':
      return addText(view, event);
    case 'code-started':
      return startCode(view, event);
    case 'code-output':
      return addOutput(view, event);
    case 'code-finished':
      return finishCode(view, event);
    default:
      return view;
  }
}

function apply(view: RunView, event: RunEvent): RunView {
  switch (event.type) {
    case 'run-started':
      return startRun(view, event);
    case 'run-resumed':
      return { ...view, resumptions: view.resumptions + 1 };
    case 'run-finished':
      return finishRun(view, event);
    case 'agent-changed':
      return changeAgent(view, event);
    case 'answer-available':
      return changeLane(view, event.agent, (lane) => ({ ...lane, answer: event.answer }));
    case 'synthesis-available':
      return { ...view, synthesis: event.synthesis };
    case 'warning':
      return { ...view, warnings: [...view.warnings, event.message] };
    default:
      return applyStep(view, event);
  }
}

/** Adds one event. An event that is already in the view changes nothing, so a stream may be read again from any number. */
export function addEvent(view: RunView, event: RunEvent): RunView {
  if (event.sequence <= view.lastSequence) return view;
  return { ...apply(view, event), lastSequence: event.sequence };
}

/** Makes the view of a run from its events. */
export const runView = (id: string, events: readonly RunEvent[]): RunView => events.reduce(addEvent, emptyRun(id));
