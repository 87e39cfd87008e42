import type { SetupStepName, StepEvent, StepProgress } from '../../apps/setup/index.ts';
import { toBigboxError } from '../../contracts/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { formatError } from './error.ts';
import { formatBytes, formatDuration, formatLine } from './format.ts';
import { LiveBlock, type LineStream } from './live-block.ts';

interface Running {
  readonly since: number;
  readonly progress: StepProgress;
  /** When and where the counting began, for the rate. */
  readonly counted?: { readonly at: number; readonly completed: number };
}

/** Shows the events of a set-up: running steps live with their real units, ended ones as one line each. */
export class SetupView {
  readonly #block: LiveBlock;
  readonly #clock: Clock;
  readonly #running = new Map<SetupStepName, Running>();
  readonly #debug: boolean;

  constructor(stream: LineStream, options: { readonly clock: Clock; readonly debug: boolean }) {
    this.#block = new LiveBlock(stream);
    this.#clock = options.clock;
    this.#debug = options.debug;
  }

  handle(event: StepEvent): void {
    switch (event.type) {
      case 'step-started':
        this.#running.set(event.step, { since: this.#clock.monotonic(), progress: {} });
        break;
      case 'step-progress':
        this.#progress(event.step, event.progress);
        break;
      case 'step-done':
        this.#running.delete(event.step);
        if (event.worked)
          this.#block.keep(formatLine(event.step, 'done', formatDuration(event.durationMs), event.detail));
        break;
      case 'step-failed':
        this.#running.delete(event.step);
        this.#block.keep(...this.#describeFailure(event));
        break;
      case 'step-left-out':
        this.#block.keep(formatLine(event.step, 'left out', '', `needs ${event.because}`));
        break;
    }
    this.refresh();
  }

  /** Writes the running steps anew, so that their times go on. */
  refresh(): void {
    this.#block.show([...this.#running].map(([name, running]) => this.#describeRunning(name, running)));
  }

  #progress(step: SetupStepName, progress: StepProgress): void {
    const earlier = this.#running.get(step);
    const now = this.#clock.monotonic();
    const since = earlier?.since ?? now;
    const { completed } = progress;
    const counted = completed === undefined ? undefined : (earlier?.counted ?? { at: now, completed });
    this.#running.set(step, { since, progress, ...(counted === undefined ? {} : { counted }) });
  }

  #describeRunning(name: SetupStepName, { since, progress, counted }: Running): string {
    const now = this.#clock.monotonic();
    const { doing = '', completed, total, unit } = progress;
    const elapsed = formatDuration(now - since);
    if (completed === undefined || total === undefined || total === 0) return formatLine(name, 'runs', elapsed, doing);
    if (unit !== 'bytes') return formatLine(name, 'runs', elapsed, `${completed} of ${total} ${unit ?? ''}`, doing);
    const seconds = (now - (counted?.at ?? now)) / 1000;
    const rate = seconds < 1 ? '' : `, ${formatBytes((completed - (counted?.completed ?? 0)) / seconds)}/s`;
    const count = `${Math.round(completed / 1e6)} of ${Math.round(total / 1e6)} MB${rate}`;
    return formatLine(name, `${Math.floor((completed / total) * 100)} %`, elapsed, count, doing);
  }

  #describeFailure(event: Extract<StepEvent, { type: 'step-failed' }>): readonly string[] {
    const why = formatError(toBigboxError(event.error), { debug: this.#debug }).trimEnd().split('\n');
    return [
      formatLine(event.step, 'failed', formatDuration(event.durationMs)),
      ...why.map((line) => `    ${line}`),
      ...(event.stillWorks === undefined ? [] : [`    What still works: ${event.stillWorks}`]),
    ];
  }
}
