import { Code, ConnectError } from '@connectrpc/connect';
import { BigboxError } from '../../contracts/errors.ts';
import type { TerminalSize } from '../../contracts/processes.ts';
import { createProcessId, type ProcessId } from '../../contracts/ids.ts';
import type { ExecEvent, Exit } from '../../guest/index.ts';
import { abortable } from '../../lib/async.ts';
import type { Clock } from '../../lib/clock.ts';
import { toGuestFailure, toUnreachable } from '../machine/guest-failure.ts';
import type { RunningTimeout } from '../machine/running-time.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import { type ProcessEnd, toBrokenEnd, toProcessEnd } from './process-end.ts';
import { ProcessOutput } from './process-output.ts';
import { type ProcessProgram, toParts, toRequest } from './process-program.ts';
import type { ProcessRecord, ProcessRecords } from './process-records.ts';

export interface ProcessOptions {
  readonly clock: Clock;
  /** Where processes are written down before anybody is told of them. */
  readonly records: ProcessRecords;
  /** Bytes of both streams together that are kept. */
  readonly keptOutputBytes: number;
}

const startTimeoutMs = 10_000;
const orderTimeoutMs = 10_000;
const stdinTimeoutMs = 30_000;
/** The guest keeps 1 MiB of output that was sent, so a successor must begin at most so far behind, and what is under way. */
const recordedBytes = 256 << 10;
/** How long after its time limit a process may still be unreported before the guest counts as hung. */
const graceMs = 10_000;

/** One program that runs in a VM, or has run there, with the output it left. It ends by itself, with its VM, or by `kill`. */
export class GuestProcess {
  readonly id: ProcessId;
  readonly program: ProcessProgram;
  readonly guestPid: number;
  readonly startedAt: Date;
  readonly output: ProcessOutput;
  /** Resolves when the process has ended and all its output is there. Never rejects. */
  readonly ended: Promise<ProcessEnd>;
  readonly #vm: VirtualMachine;
  readonly #agentId: bigint;
  readonly #clock: Clock;
  readonly #startedMonotonic: number;
  readonly #silence: AbortController;
  readonly #records: ProcessRecords;
  #record: ProcessRecord;
  #terminalSize: TerminalSize | undefined;
  #end: ProcessEnd | undefined;
  #durationMs: number | undefined;

  private constructor(vm: VirtualMachine, program: ProcessProgram, run: Run) {
    const { record, options, events, silence } = run;
    this.id = record.id;
    this.program = program;
    this.#terminalSize = program.pty;
    this.output = new ProcessOutput(options.keptOutputBytes, record.received);
    this.guestPid = record.guestPid;
    this.#vm = vm;
    this.#agentId = record.agentId;
    this.#clock = options.clock;
    this.#silence = silence;
    this.#records = options.records;
    this.#record = record;
    this.startedAt = record.startedAt;
    this.#startedMonotonic = this.#clock.monotonic() - (this.#clock.now() - record.startedAt.getTime());
    this.ended = this.#follow(events);
  }

  /**
   * Starts a program; resolves when the guest has confirmed it. Throws INVALID_REQUEST when the guest refuses it, LIMIT_EXCEEDED when
   * the guest has no room, VM_LOST, GUEST_UNREACHABLE.
   */
  static async start(vm: VirtualMachine, program: ProcessProgram, options: StartOptions): Promise<GuestProcess> {
    const { request = {} } = options;
    const silence = new AbortController();
    using patience = vm.runningTimeout(startTimeoutMs);
    const events = vm.agent.exec(toRequest(program), { signal: silence.signal })[Symbol.asyncIterator]();
    try {
      const first = await abortable(events.next(), patience.signal);
      const started = first.done === true ? undefined : first.value.event;
      if (started?.case !== 'started') throw new ConnectError('the start was not confirmed', Code.Unavailable);
      const { id: agentId, pid: guestPid } = started.value;
      const { stdin: _, ...kept } = program;
      const place = { id: createProcessId(), vmId: vm.id, agentId, guestPid };
      const record = {
        ...place,
        program: kept,
        startedAt: new Date(options.clock.now()),
        received: noBytes,
        ...request,
      };
      options.records.save(record);
      return new GuestProcess(vm, program, { record, events, silence, options });
    } catch (error) {
      silence.abort();
      throw await toGuestFailure(error, vm);
    }
  }

  /**
   * Goes on with a process that an earlier owner started; what that had of its output is no longer kept, but for the last of it. It ends
   * with PROCESS_NOT_FOUND where the guest does not know it any more.
   */
  static adopt(vm: VirtualMachine, record: ProcessRecord, options: ProcessOptions): GuestProcess {
    const silence = new AbortController();
    const program = { ...record.program, stdin: new Uint8Array() };
    return new GuestProcess(vm, program, { record, events: attach(vm, record, silence.signal), silence, options });
  }

  /** Lets a successor find it in this VM, which has the machine that it runs in. */
  moveTo(vmId: string): void {
    this.#record = { ...this.#record, vmId };
    if (this.#end === undefined) this.#records.save(this.#record);
  }

  /** Lets no successor find it any more. */
  forget(): void {
    this.#records.remove(this.id);
  }

  /** How it ended; undefined while it runs. */
  get end(): ProcessEnd | undefined {
    return this.#end;
  }

  /** So far, or in all. */
  get durationMs(): number {
    return this.#durationMs ?? this.#clock.monotonic() - this.#startedMonotonic;
  }

  /** Signals the first process or the whole tree. Throws CONFLICT when it has ended, VM_LOST, GUEST_UNREACHABLE. */
  async signal(signal: number, tree: boolean): Promise<void> {
    this.assertRunning();
    using patience = this.#vm.runningTimeout(orderTimeoutMs);
    try {
      await this.#vm.agent.signal({ id: this.#agentId, signal, tree }, { signal: patience.signal });
    } catch (error) {
      throw await toGuestFailure(error, this.#vm);
    }
  }

  /** Of its terminal, where it has one. */
  get terminalSize(): TerminalSize | undefined {
    return this.#terminalSize;
  }

  /** Changes the size of its terminal. Throws CONFLICT when it has none or has ended, VM_LOST, GUEST_UNREACHABLE. */
  async resize(size: TerminalSize): Promise<void> {
    this.assertRunning();
    if (this.#terminalSize === undefined)
      throw new BigboxError('CONFLICT', {
        message: `The process ${this.id} has no terminal.`,
        context: { process_id: this.id },
        remedy: 'Start it with pty.',
      });
    using patience = this.#vm.runningTimeout(orderTimeoutMs);
    const request = { id: this.#agentId, size: { columns: size.cols, rows: size.rows } };
    try {
      await this.#vm.agent.resizeTerminal(request, { signal: patience.signal });
    } catch (error) {
      throw await toGuestFailure(error, this.#vm);
    }
    this.#terminalSize = size;
    if (this.#end === undefined) this.#save({ program: { ...this.#record.program, pty: size } });
  }

  /**
   * Writes to standard input. Throws CONFLICT when it is not open or the program does not read, VM_LOST, GUEST_UNREACHABLE, and the
   * signal's reason; a part of the data may have been written then.
   */
  async write(data: Uint8Array, end: boolean, signal: AbortSignal): Promise<void> {
    this.assertRunning();
    using patience = this.#vm.runningTimeout(stdinTimeoutMs);
    const either = AbortSignal.any([signal, patience.signal]);
    try {
      await this.#vm.agent.stdin(toParts(this.#agentId, data, end), { signal: either });
    } catch (cause) {
      signal.throwIfAborted();
      const isClosed = ConnectError.from(cause).code === Code.FailedPrecondition;
      if (!isClosed && !patience.signal.aborted) throw await toGuestFailure(cause, this.#vm);
      const reason = isClosed ? 'is not open' : `was not read within ${stdinTimeoutMs} ms`;
      throw new BigboxError('CONFLICT', {
        message: `The standard input of ${this.id} ${reason}.`,
        context: { process_id: this.id },
        remedy: isClosed ? 'Start the process with keep_stdin and do not end its input.' : 'Send it when it is read.',
        cause,
      });
    }
  }

  /** Kills the whole tree and resolves when nothing of it is left. Does nothing when it has ended. Throws GUEST_UNREACHABLE. */
  async kill(): Promise<void> {
    if (this.#end !== undefined) return;
    // A paused guest obeys as soon as it is resumed, so the order must not be taken back before.
    using patience = this.#vm.runningTimeout(orderTimeoutMs);
    try {
      await this.#vm.agent.stopTree({ id: this.#agentId }, { signal: patience.signal });
      await abortable(this.ended, patience.signal);
    } catch (error) {
      // The VM may have ended meanwhile, and the process with it.
      if (this.#end !== undefined) return;
      throw await toGuestFailure(error, this.#vm);
    }
  }

  /** Throws CONFLICT when it has ended. */
  assertRunning(): void {
    if (this.#end === undefined) return;
    throw new BigboxError('CONFLICT', {
      message: `The process ${this.id} has ended (${this.#end.outcome}).`,
      context: { process_id: this.id, outcome: this.#end.outcome },
    });
  }

  /** Takes what the guest reports as fast as it comes, whether anybody reads it or not, up to the end. */
  async #follow(events: AsyncIterator<ExecEvent>): Promise<ProcessEnd> {
    using timeLimit = this.#watchTimeLimit();
    timeLimit?.signal.addEventListener('abort', () => this.#silence.abort());
    let end: ProcessEnd;
    try {
      end = toProcessEnd(await this.#takeOutput(events), this.program.timeoutMs);
    } catch (error) {
      const isHung = timeLimit?.signal.aborted === true;
      end = await toBrokenEnd(isHung ? toUnreachable(this.#vm, 'it did not report the end', error) : error, this.#vm);
    }
    this.#durationMs = this.#clock.monotonic() - this.#startedMonotonic;
    this.#end = end;
    this.output.finish();
    return end;
  }

  /** The guest itself keeps the time limit; one that does not report it is hung. */
  #watchTimeLimit(): RunningTimeout | undefined {
    const { timeoutMs } = this.program;
    return timeoutMs === undefined ? undefined : this.#vm.runningTimeout(timeoutMs + graceMs);
  }

  /** A successor goes on from there. */
  #recordProgress(): void {
    const { stdout, stderr } = this.output.bytes;
    const { received } = this.#record;
    if (stdout + stderr - received.stdout - received.stderr < recordedBytes) return;
    this.#save({ received: { stdout, stderr } });
  }

  #save(change: Partial<ProcessRecord>): void {
    this.#record = { ...this.#record, ...change };
    this.#records.save(this.#record);
  }

  async #takeOutput(events: AsyncIterator<ExecEvent>): Promise<Exit> {
    let exit: Exit | undefined;
    for (let next = await events.next(); next.done !== true; next = await events.next()) {
      const { event } = next.value;
      if (event.case === 'exit') exit = event.value;
      else if (event.case === 'stdout' || event.case === 'stderr') {
        this.output.add(event.case, event.value.data);
        this.#recordProgress();
      }
    }
    if (exit === undefined) throw new ConnectError('the stream ended early', Code.Unavailable);
    return exit;
  }
}

interface StartOptions extends ProcessOptions {
  /** The starting call that may come again. */
  readonly request?: Pick<ProcessRecord, 'request'>;
}

/** What the guest has confirmed, or did once. */
interface Run {
  readonly record: ProcessRecord;
  readonly events: AsyncIterator<ExecEvent>;
  /** Aborting it gives up waiting for more events. */
  readonly silence: AbortController;
  readonly options: ProcessOptions;
}

const noBytes = { stdout: 0, stderr: 0 };

/** Takes up the events of a process as soon as its VM answers. */
async function* attach(
  vm: VirtualMachine,
  { id, agentId, received }: ProcessRecord,
  signal: AbortSignal,
): AsyncGenerator<ExecEvent> {
  const lost = vm.lost.then((error) => Promise.reject(error));
  await Promise.race([vm.greeted, lost]);
  lost.catch(() => undefined);
  try {
    yield* vm.agent.attach({ id: agentId, offset: BigInt(received.stdout + received.stderr) }, { signal });
  } catch (cause) {
    if (ConnectError.from(cause).code !== Code.NotFound) throw cause;
    const message = `The guest no longer knows how the process ${id} ended.`;
    throw new BigboxError('PROCESS_NOT_FOUND', { message, context: { vm_id: vm.id, process_id: id }, cause });
  }
}
