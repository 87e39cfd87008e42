import { constants } from 'node:os';
import { BigboxError } from '../../contracts/errors.ts';
import type { ProcessOutcome } from '../../contracts/processes.ts';
import { Ending, type Exit } from '../../guest/index.ts';
import { toGuestFailure } from '../machine/guest-failure.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';

/** How a process ended. */
export interface ProcessEnd {
  readonly outcome: ProcessOutcome;
  /** -1 where the program did not exit by itself. */
  readonly exitCode: number;
  readonly signal?: string;
  readonly error?: BigboxError;
  /** What the whole tree used; unknown where the VM ended first. */
  readonly usage?: ProcessUsage;
}

interface ProcessUsage {
  readonly cpuTimeMs: number;
  readonly memoryPeakBytes: number;
  readonly processesRefused: number;
}

const outcomes: Readonly<Partial<Record<Ending, ProcessOutcome>>> = {
  [Ending.EXITED]: 'exited',
  [Ending.TIMED_OUT]: 'timed-out',
  [Ending.OUT_OF_MEMORY]: 'out-of-memory',
  [Ending.STOPPED]: 'killed',
};

const signalNames = new Map(Object.entries(constants.signals).map(([name, number]) => [number, name]));
const toSignalName = (number: number): string => signalNames.get(number) ?? `SIG${number}`;

/** Translates the agent's last event. */
export function toProcessEnd(exit: Exit, timeoutMs: number | undefined): ProcessEnd {
  const outcome = outcomes[exit.ending] ?? 'signalled';
  const error = toLimitError(outcome, exit, timeoutMs);
  return {
    outcome,
    exitCode: outcome === 'exited' ? exit.code : -1,
    ...(exit.signal === 0 ? {} : { signal: toSignalName(exit.signal) }),
    ...(error === undefined ? {} : { error }),
    usage: {
      cpuTimeMs: Number(exit.cpuTimeUs) / 1000,
      memoryPeakBytes: Number(exit.memoryPeakBytes),
      processesRefused: Number(exit.processesRefused),
    },
  };
}

/** The end of a process whose agent fell silent: its VM died, was deleted or stopped, or hangs. */
export async function toBrokenEnd(failure: unknown, vm: VirtualMachine): Promise<ProcessEnd> {
  const error = failure instanceof BigboxError ? failure : await toGuestFailure(failure, vm);
  if (vm.state !== 'gone') return { outcome: 'vm-lost', exitCode: -1, error };
  const message = `The VM ${vm.id} was deleted or stopped while the process ran.`;
  const context = { vm_id: vm.id };
  return { outcome: 'vm-stopped', exitCode: -1, error: new BigboxError('EXECUTION_CANCELLED', { message, context }) };
}

function toLimitError(outcome: ProcessOutcome, exit: Exit, timeoutMs: number | undefined): BigboxError | undefined {
  if (outcome === 'timed-out' && timeoutMs !== undefined)
    return new BigboxError('EXECUTION_TIMEOUT', {
      message: `The process ran longer than ${timeoutMs} ms and was stopped with all that it had started.`,
      context: { limit: 'timeout_ms', timeout_ms: timeoutMs },
    });
  if (outcome === 'out-of-memory')
    return new BigboxError('LIMIT_EXCEEDED', {
      message: 'The process used more memory than its VM has for it and was stopped.',
      context: { limit: 'memory', peak_bytes: Number(exit.memoryPeakBytes) },
      remedy: 'Use less memory at a time.',
    });
  return undefined;
}
