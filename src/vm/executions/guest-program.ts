import { Code, ConnectError } from '@connectrpc/connect';
import type { Language } from '../../contracts/execution.ts';
import type { Agent, Client, ExecEvent, Exit } from '../../guest/index.ts';
import { abortable } from '../../lib/async.ts';
import { toGuestFailure, toUnreachable } from '../machine/guest-failure.ts';
import { writeGuestFile } from '../files/write-guest-file.ts';
import { toProgram } from './runners.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';

/** A program to run in a guest, all of it decided. */
export interface GuestProgram {
  readonly executionId: string;
  readonly language: Language;
  readonly code: string;
  readonly timeoutMs: number;
  readonly workingDirectory?: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stdin?: string;
  /** The VM is thrown away afterwards, so nothing needs to be stopped or removed in it. */
  readonly isLast: boolean;
  /** Bytes of both streams after which the program is stopped. */
  readonly stopAfterBytes: number;
}

/** What the guest reports: output as it comes, then exactly one exit. */
export type GuestEvent =
  | { readonly type: 'output'; readonly stream: 'stdout' | 'stderr'; readonly data: Uint8Array }
  | { readonly type: 'exit'; readonly exit: Exit };

/** How long after its time limit a program may still be unreported before the guest counts as hung. */
const graceMs = 10_000;
const stopTimeoutMs = 5000;

/**
 * Writes the code to a file in the guest and runs it as the user without rights. Breaking out of the loop or aborting the signal
 * stops the whole tree. Throws VM_LOST when the VM dies, GUEST_UNREACHABLE when it is hung, INVALID_REQUEST when the guest refuses
 * the request, and the signal's reason.
 */
export async function* runInGuest(
  vm: VirtualMachine,
  program: GuestProgram,
  signal: AbortSignal,
): AsyncGenerator<GuestEvent, void> {
  const lost = new AbortController();
  void vm.lost.then((error) => lost.abort(error));
  using patience = vm.runningTimeout(program.timeoutMs + graceMs);
  const hung = patience.signal;
  const any = AbortSignal.any([signal, lost.signal, hung]);
  const { path, argv } = toProgram(program.language, program.executionId);
  const run: { id?: bigint; ended?: boolean } = {};
  try {
    const data = new TextEncoder().encode(program.code);
    await writeGuestFile(vm.agent, { path, content: [data], size: data.length, mode: 0o600, makeParents: false }, any);
    for await (const event of vm.agent.exec(toRequest(program, argv), { signal: any })) {
      const reported = toGuestEvent(event, run);
      if (reported?.type === 'exit') run.ended = true;
      if (reported !== undefined) yield reported;
    }
    if (run.ended !== true) throw new ConnectError('the stream ended early', Code.Unavailable);
  } catch (error) {
    throw await explain(error, vm, { signal, hung });
  } finally {
    if (!program.isLast && run.id !== undefined && run.ended !== true) await stop(vm, run.id);
    if (!program.isLast && vm.state === 'busy') vm.agent.remove({ path, recursive: false }).catch(() => undefined);
  }
}

function toGuestEvent({ event }: ExecEvent, run: { id?: bigint }): GuestEvent | undefined {
  switch (event.case) {
    case 'started':
      run.id = event.value.id;
      return undefined;
    case 'stdout':
    case 'stderr':
      return { type: 'output', stream: event.case, data: event.value.data };
    case 'exit':
      return { type: 'exit', exit: event.value };
    default:
      return undefined;
  }
}

type AgentClient = Client<typeof Agent>;

const toRequest = (program: GuestProgram, argv: string[]): Parameters<AgentClient['exec']>[0] => ({
  argv,
  env: { ...program.environment },
  cwd: program.workingDirectory ?? '',
  user: 'sandbox',
  stdin: new TextEncoder().encode(program.stdin ?? ''),
  limits: { timeoutMs: BigInt(program.timeoutMs), outputBytes: BigInt(program.stopAfterBytes) },
});

async function stop(vm: VirtualMachine, id: bigint): Promise<void> {
  if (vm.state !== 'busy') return;
  // A paused guest obeys when it is resumed, so the order is not taken back before.
  const done = vm.agent.stopTree({ id }, vm.isPaused ? {} : { timeoutMs: stopTimeoutMs }).catch(() => undefined);
  if (!vm.isPaused) await abortable(done, AbortSignal.timeout(stopTimeoutMs)).catch(() => undefined);
}

interface Reasons {
  readonly signal: AbortSignal;
  readonly hung: AbortSignal;
}

async function explain(error: unknown, vm: VirtualMachine, { signal, hung }: Reasons): Promise<unknown> {
  if (signal.aborted) return signal.reason;
  const failure = await toGuestFailure(error, vm);
  if (!hung.aborted || failure.code === 'VM_LOST') return failure;
  return toUnreachable(vm, 'it did not report the end of the program', error);
}
