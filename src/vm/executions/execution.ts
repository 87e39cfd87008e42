import { BigboxError, toErrorBody } from '../../contracts/errors.ts';
import type { ExecuteResponse, ExecutionEvent, ExecutionOutcome, ToolDecision } from '../../contracts/execution.ts';
import { Ending, type Exit } from '../../guest/index.ts';
import type { Clock } from '../../lib/clock.ts';
import { type GuestProgram, runInGuest } from './guest-program.ts';
import { SecretRedactor } from '../hooks/secret-redactor.ts';
import type { VmMeter } from '../meter.ts';
import { OutputCollector } from './output-collector.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';

export interface ExecutionOptions {
  readonly vmType: string;
  /** Bytes of each stream that are kept and shown. */
  readonly keptOutputBytes: number;
  readonly warnings: readonly string[];
  readonly decisions: readonly ToolDecision[];
  /** Values that are taken out of the output beside keys of known forms; absent where nothing is. */
  readonly secrets?: readonly string[];
  readonly meter: VmMeter;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

interface End {
  readonly outcome: ExecutionOutcome;
  readonly exitCode: number;
  readonly signal?: number;
  readonly error?: BigboxError;
}

/**
 * Runs a program on a VM and tells it as events, the last of which carries the result, also where a limit, a cancel or the death of
 * the VM ended it. Throws only what kept it from starting.
 */
export async function* execute(
  vm: VirtualMachine,
  program: GuestProgram,
  options: ExecutionOptions,
): AsyncGenerator<ExecutionEvent, void> {
  const { vmType, clock } = options;
  const started = { at: new Date(clock.now()), monotonic: clock.monotonic() };
  const streams = { stdout: collect(options), stderr: collect(options) };
  yield { type: 'execution-started', execution_id: program.executionId, vm_id: vm.id, vm_type: vmType };
  let end: End | undefined;
  try {
    for await (const event of runInGuest(vm, program, options.signal)) {
      if (event.type === 'exit') end = toEnd(event.exit, program, streams);
      else {
        const text = streams[event.stream].add(event.data);
        if (text !== '') yield { type: 'output-delta', stream: event.stream, text };
      }
    }
  } catch (error) {
    end = toBrokenEnd(error, options.signal);
  }
  for (const [stream, collector] of Object.entries(streams)) {
    const text = collector.end();
    if (text !== '') yield { type: 'output-delta', stream: stream as 'stdout' | 'stderr', text };
  }
  const durationMs = clock.monotonic() - started.monotonic;
  const base = { execution_id: program.executionId, vm_id: vm.id, vm_type: vmType };
  const ended = toResult(end, streams);
  options.meter.executed('code', ended.outcome, durationMs);
  const times = {
    duration_ms: Math.round(durationMs * 10) / 10,
    started_at: started.at.toISOString(),
    completed_at: new Date(started.at.getTime() + durationMs).toISOString(),
  };
  const said = { warnings: toWarnings(options, streams), ...toDecisions(options) };
  yield { type: 'execution-finished', result: { ...base, ...ended, ...times, ...said } };
}

const collect = ({ keptOutputBytes, secrets }: ExecutionOptions): OutputCollector =>
  new OutputCollector(keptOutputBytes, secrets === undefined ? undefined : new SecretRedactor(secrets));

function toWarnings({ warnings }: ExecutionOptions, { stdout, stderr }: Streams): string[] {
  const count = stdout.redacted + stderr.redacted;
  return count === 0 ? [...warnings] : [...warnings, `Secrets in the output were redacted: ${count}.`];
}

const toDecisions = ({ decisions }: ExecutionOptions): Pick<ExecuteResponse, 'decisions'> =>
  decisions.length === 0 ? {} : { decisions: [...decisions] };

type Streams = Readonly<Record<'stdout' | 'stderr', OutputCollector>>;
type EndOfResult = Omit<
  ExecuteResponse,
  'execution_id' | 'vm_id' | 'vm_type' | 'duration_ms' | 'started_at' | 'completed_at' | 'warnings' | 'decisions'
>;

function toResult(end: End | undefined, { stdout, stderr }: Streams): EndOfResult {
  const { outcome, exitCode, signal, error } = end ?? { outcome: 'vm-lost', exitCode: -1 };
  return {
    outcome,
    exit_code: exitCode,
    ...(signal === undefined ? {} : { signal }),
    stdout: stdout.text,
    stderr: stderr.text,
    truncated: stdout.truncated || stderr.truncated,
    ...(error === undefined ? {} : { error: error.message, error_detail: toErrorBody(error) }),
  };
}

function toEnd(exit: Exit, program: GuestProgram, streams: Streams): End {
  const stopped = { outcome: 'exited', exitCode: -1, ...(exit.signal === 0 ? {} : { signal: exit.signal }) } as const;
  switch (exit.ending) {
    case Ending.EXITED:
      return {
        outcome: 'exited',
        exitCode: exit.code,
        ...(exit.processesRefused > 0n ? { error: tooManyProcesses(exit) } : {}),
      };
    case Ending.TIMED_OUT:
      return { ...stopped, outcome: 'timed-out', error: timedOut(program, exit) };
    case Ending.OUT_OF_MEMORY:
      return { ...stopped, error: outOfMemory(exit) };
    case Ending.OUTPUT_LIMIT:
      return { ...stopped, error: tooMuchOutput(program, streams) };
    case Ending.STOPPED:
      return { ...stopped, outcome: 'cancelled', error: cancelled() };
    default:
      return exit.processesRefused > 0n ? { ...stopped, error: tooManyProcesses(exit) } : stopped;
  }
}

function toBrokenEnd(error: unknown, signal: AbortSignal): End {
  if (signal.aborted) return { outcome: 'cancelled', exitCode: -1, error: cancelled() };
  if (error instanceof BigboxError && (error.code === 'VM_LOST' || error.code === 'GUEST_UNREACHABLE'))
    return { outcome: 'vm-lost', exitCode: -1, error };
  throw error;
}

const cancelled = (): BigboxError =>
  new BigboxError('EXECUTION_CANCELLED', { message: 'The execution was cancelled; all its processes were stopped.' });

const timedOut = ({ timeoutMs }: GuestProgram, { processesRefused }: Exit): BigboxError =>
  new BigboxError('EXECUTION_TIMEOUT', {
    message:
      `The code ran longer than ${timeoutMs} ms and was stopped with all its processes.` +
      (processesRefused > 0n ? ` Before, it wanted more processes than it may have, ${processesRefused} times.` : ''),
    context: { limit: 'timeout_ms', timeout_ms: timeoutMs, processes_refused: Number(processesRefused) },
  });

const tooManyProcesses = ({ processesRefused }: Exit): BigboxError =>
  new BigboxError('LIMIT_EXCEEDED', {
    message: `The code wanted more processes than it may have; ${processesRefused} were refused.`,
    context: { limit: 'processes', processes_refused: Number(processesRefused) },
    remedy: 'Start fewer processes at a time.',
  });

const outOfMemory = (exit: Exit): BigboxError =>
  new BigboxError('LIMIT_EXCEEDED', {
    message: 'The code used more memory than its VM has for it and was stopped.',
    context: { limit: 'memory', peak_bytes: Number(exit.memoryPeakBytes) },
    remedy: 'Use less memory at a time.',
  });

const tooMuchOutput = ({ stopAfterBytes }: GuestProgram, { stdout, stderr }: Streams): BigboxError =>
  new BigboxError('LIMIT_EXCEEDED', {
    message: `The code wrote more than ${stopAfterBytes} bytes of output and was stopped.`,
    context: { limit: 'output', stop_after_bytes: stopAfterBytes, truncated: stdout.truncated || stderr.truncated },
    remedy: 'Write less, or write to a file.',
  });
