import { BigboxError } from '../../contracts/errors.ts';
import type { ProcessId } from '../../contracts/ids.ts';
import { maxExecTimeoutMs } from '../../contracts/processes.ts';
import { abortable } from '../../lib/async.ts';
import type { Logger } from '../../lib/log.ts';
import { IdempotencyKeys, toRequest } from '../idempotency-keys.ts';
import type { Limits } from '../limits/limits.ts';
import type { VirtualMachine } from '../machine/virtual-machine.ts';
import type { VmMeter } from '../meter.ts';
import type { NamedVms } from '../named/named-vms.ts';
import { GuestProcess, type ProcessOptions } from './guest-process.ts';
import type { ProcessProgram } from './process-program.ts';

export interface ProcessesOptions extends ProcessOptions {
  readonly vms: NamedVms;
  /** Time limit of programs that somebody waits for. */
  readonly defaultTimeoutMs: number;
  readonly limits: Limits;
  readonly meter: VmMeter;
  readonly logger: Logger;
}

/** Names one process of one VM. */
export interface ProcessName {
  readonly vmId: string;
  readonly processId: string;
}

interface ProcessesOfVm {
  /** In the order of their start. */
  readonly processes: Map<string, GuestProcess>;
  starting: number;
  readonly keys: IdempotencyKeys<Promise<ProcessId>>;
}

const maxEnded = 64;
const maxKeysKept = 1000;
/** Ended processes of one VM keep so many times the output of one. */
const maxEndedOutputs = 16;

/** The processes of VMs that live until they are deleted: those that run, and the last ones that ended. They go with their VM. */
export class Processes {
  readonly #options: ProcessesOptions;
  readonly #ofVms = new Map<string, ProcessesOfVm>();

  constructor(options: ProcessesOptions) {
    this.#options = options;
  }

  /** How many one VM may have running at once. */
  get maxRunning(): number {
    return this.#options.limits.maxProcesses;
  }

  /** Goes on with the processes that an earlier owner started, where their VMs are taken over; to be done once, when all of these are. */
  adopt(): void {
    const { vms, records } = this.#options;
    const existing = new Map<string, VirtualMachine>(vms.living().map((vm) => [vm.id, vm]));
    for (const record of records.read()) {
      const { id, vmId, request } = record;
      const vm = existing.get(vmId);
      if (vm === undefined) {
        records.remove(id);
        continue;
      }
      const ofVm = this.#ofVm(vmId);
      if (request !== undefined) ofVm.keys.restore(request, Promise.resolve(id));
      this.#keep(ofVm, GuestProcess.adopt(vm, record, this.#options));
    }
  }

  /**
   * Starts a program in a VM, which is resumed where it is paused; the same program with the same idempotency key gives the process
   * that the first call started. Throws VM_NOT_FOUND, CONFLICT while the VM is not ready and when the key came with another program,
   * INVALID_REQUEST when the guest refuses the program, LIMIT_EXCEEDED, VM_LOST, GUEST_UNREACHABLE, and PROCESS_NOT_FOUND when what the
   * key started is no longer kept.
   */
  async start(vmId: string, program: ProcessProgram, idempotencyKey?: string): Promise<GuestProcess> {
    if (idempotencyKey === undefined) return this.#start(vmId, program);
    this.#options.vms.get(vmId);
    const { keys } = this.#ofVm(vmId);
    const wish = { ...program, stdin: Buffer.from(program.stdin).toString('base64') };
    const processId = await keys.once(idempotencyKey, wish, async () => {
      try {
        return (await this.#start(vmId, program, toRequest(idempotencyKey, wish))).id;
      } catch (error) {
        keys.forget(idempotencyKey);
        throw error;
      }
    });
    return this.get({ vmId, processId });
  }

  /** Runs a program to its end; aborting the signal kills its whole tree. Throws what `start` throws, and the signal's reason. */
  async run(vmId: string, program: ProcessProgram, signal: AbortSignal): Promise<GuestProcess> {
    signal.throwIfAborted();
    const timeoutMs = Math.min(this.#options.defaultTimeoutMs, maxExecTimeoutMs);
    const process = await this.#start(vmId, { timeoutMs, ...program });
    try {
      await abortable(process.ended, signal);
    } catch (reason) {
      await process.kill().catch((error: Error) => {
        this.#options.logger.warn({ vm_id: vmId, process_id: process.id, err: error }, 'a process could not be killed');
      });
      throw reason;
    }
    return process;
  }

  /** What one VM has running belongs to the other one now, which has its machine. */
  move(from: string, to: string): void {
    const moved = this.#ofVms.get(from);
    if (moved === undefined) return;
    this.#ofVms.delete(from);
    const { processes } = this.#ofVm(to);
    for (const process of moved.processes.values()) {
      process.moveTo(to);
      processes.set(process.id, process);
    }
  }

  /** In the order of their start. Throws VM_NOT_FOUND. */
  list(vmId: string): readonly GuestProcess[] {
    this.#options.vms.get(vmId);
    return [...(this.#ofVms.get(vmId)?.processes.values() ?? [])];
  }

  /** Throws VM_NOT_FOUND, PROCESS_NOT_FOUND. */
  get({ vmId, processId }: ProcessName): GuestProcess {
    this.#options.vms.get(vmId);
    const process = this.#ofVms.get(vmId)?.processes.get(processId);
    if (process !== undefined) return process;
    throw new BigboxError('PROCESS_NOT_FOUND', {
      message: `The VM ${vmId} has no process ${processId.slice(0, 64)}.`,
      context: { vm_id: vmId, process_id: processId.slice(0, 64) },
    });
  }

  /** A process whose VM is ready for orders. Throws what `get` throws, CONFLICT when process or VM do not run, VM_LOST. */
  async running(name: ProcessName): Promise<GuestProcess> {
    const process = this.get(name);
    process.assertRunning();
    await this.#options.vms.use(name.vmId);
    return process;
  }

  /** Kills the whole tree of a process and gives it, ended. Throws what `get` throws, CONFLICT, VM_LOST, GUEST_UNREACHABLE. */
  async kill(name: ProcessName): Promise<GuestProcess> {
    const process = this.get(name);
    if (process.end !== undefined) return process;
    await this.#options.vms.use(name.vmId);
    await process.kill();
    return process;
  }

  async #start(
    vmId: string,
    program: ProcessProgram,
    request: ReturnType<typeof toRequest> = {},
  ): Promise<GuestProcess> {
    const vm = await this.#options.vms.use(vmId);
    const env = { ...this.#options.vms.get(vmId).environment, ...program.env };
    const ofVm = this.#ofVm(vmId);
    const timeoutMs = this.#options.limits.runTime(program.timeoutMs);
    this.#options.limits.assertProcesses(countRunning(ofVm), vmId);
    ofVm.starting += 1;
    try {
      const limited = { ...program, ...(timeoutMs === undefined ? {} : { timeoutMs }), env };
      const process = await GuestProcess.start(vm, limited, { ...this.#options, request });
      this.#keep(ofVm, process);
      return process;
    } finally {
      ofVm.starting -= 1;
    }
  }

  #keep(ofVm: ProcessesOfVm, process: GuestProcess): void {
    ofVm.processes.set(process.id, process);
    void process.ended.then(({ error, outcome }) => {
      this.#options.meter.executed('process', outcome, process.durationMs);
      if (error?.code === 'PROCESS_NOT_FOUND')
        for (const { processes } of this.#ofVms.values()) remove(processes, process);
      this.#forget();
    });
  }

  #ofVm(vmId: string): ProcessesOfVm {
    const known = this.#ofVms.get(vmId);
    if (known !== undefined) return known;
    const created: ProcessesOfVm = {
      processes: new Map(),
      starting: 0,
      keys: new IdempotencyKeys(maxKeysKept),
    };
    this.#ofVms.set(vmId, created);
    return created;
  }

  /** Drops what belonged to VMs that are gone, and the oldest ended processes of the others. */
  #forget(): void {
    const existing = new Set<string>(this.#options.vms.list().map(({ id }) => id));
    for (const [vmId, ofVm] of this.#ofVms) {
      if (!existing.has(vmId)) {
        for (const process of ofVm.processes.values()) process.forget();
        this.#ofVms.delete(vmId);
      } else forgetEnded(ofVm, this.#options.keptOutputBytes * maxEndedOutputs);
    }
  }
}

function forgetEnded({ processes }: ProcessesOfVm, maxBytes: number): void {
  const ended = [...processes.values()].filter(({ end }) => end !== undefined).toReversed();
  let bytes = 0;
  for (const [index, process] of ended.entries()) {
    bytes += process.output.end - process.output.first;
    if (index >= maxEnded || bytes > maxBytes) remove(processes, process);
  }
}

const countRunning = ({ processes, starting }: ProcessesOfVm): number =>
  starting + [...processes.values()].filter(({ end }) => end === undefined).length;

function remove(processes: Map<string, GuestProcess>, process: GuestProcess): void {
  processes.delete(process.id);
  process.forget();
}
