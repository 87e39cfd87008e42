import type { RunEvent } from '../../contracts/runs.ts';
import type { Clock } from '../../lib/clock.ts';
import { formatDuration } from './format.ts';
import { LiveBlock, type LineStream } from './live-block.ts';

interface Lane {
  state: string;
  text: string;
  tokens: number;
  since: number;
  until?: number;
}

const words: Readonly<Record<string, string>> = {
  waiting: 'waits for the model',
  thinking: 'writes',
  'running-code': 'runs code',
  revising: 'revises',
  done: 'done',
  failed: 'failed',
  cancelled: 'cancelled',
};

const ended = (state: string): boolean => ['done', 'failed', 'cancelled'].includes(state);

/** Shows the events of a run: one lane for each agent, live on a terminal, else one line for each change. */
export class RunView {
  readonly #block: LiveBlock;
  readonly #clock: Clock;
  readonly #lanes = new Map<string, Lane>();

  constructor(stream: LineStream, clock: Clock) {
    this.#block = new LiveBlock(stream);
    this.#clock = clock;
  }

  handle(event: RunEvent): void {
    switch (event.type) {
      case 'run-started':
        this.#block.keep(`${event.topic}`, `  ${event.model.provider} ${event.model.name}`);
        if (event.model.substituted_because !== undefined) this.#block.keep(`  ${event.model.substituted_because}`);
        break;
      case 'run-resumed':
        this.#block.keep(`  goes on: ${event.reason}`);
        break;
      case 'agent-changed':
        this.#change(event.agent, event.state, event.error?.message);
        break;
      case 'text-delta': {
        const lane = this.#lane(event.agent);
        lane.text = `${lane.text}${event.text}`.slice(-400);
        lane.tokens = event.tokens;
        break;
      }
      case 'code-finished':
        this.#codeFinished(event);
        break;
      case 'warning':
        this.#block.keep(`  warning: ${event.message}`);
        break;
      default:
        break;
    }
    this.refresh();
  }

  /** Writes the lanes anew, so that their times go on. */
  refresh(): void {
    this.#block.show([...this.#lanes].map(([name, lane]) => this.#describe(name, lane)));
  }

  /** Ends the live part: the lanes stay as they are. */
  finish(): void {
    if (this.#block.isLive) this.#block.keep(...[...this.#lanes].map(([name, lane]) => this.#describe(name, lane)));
    this.#lanes.clear();
  }

  #codeFinished({ agent, run, error }: Extract<RunEvent, { type: 'code-finished' }>): void {
    const end =
      error?.message ??
      (run === undefined
        ? 'no result'
        : `${run.result.outcome}, exit ${run.result.exit_code}, ${formatDuration(run.result.duration_ms)}`);
    this.#block.keep(`  ${agent.padEnd(14)} ran ${run?.language ?? 'code'} in a microVM: ${end}`);
  }

  #lane(agent: string): Lane {
    const known = this.#lanes.get(agent);
    if (known !== undefined) return known;
    const lane: Lane = { state: 'waiting', text: '', tokens: 0, since: this.#clock.monotonic() };
    this.#lanes.set(agent, lane);
    return lane;
  }

  #change(agent: string, state: string, message: string | undefined): void {
    const lane = this.#lane(agent);
    if (lane.state === state && state !== 'waiting') return;
    lane.state = state;
    lane.text = message ?? '';
    if (ended(state)) lane.until = this.#clock.monotonic();
    if (!this.#block.isLive) this.#block.keep(this.#describe(agent, lane));
  }

  #describe(name: string, lane: Lane): string {
    const time = formatDuration((lane.until ?? this.#clock.monotonic()) - lane.since);
    const tokens = lane.tokens === 0 ? '' : `${lane.tokens} tokens`;
    const text = lane.text.replaceAll(/\s+/g, ' ').trim().slice(-60);
    const word = words[lane.state] ?? lane.state;
    return `  ${name.padEnd(14)} ${word.padEnd(20)} ${time.padStart(7)}  ${tokens.padEnd(11)} ${text}`.trimEnd();
  }
}
