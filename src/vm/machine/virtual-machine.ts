import { randomBytes } from 'node:crypto';
import { BigboxError } from '../../contracts/errors.ts';
import { createVmId, type VmId } from '../../contracts/ids.ts';
import type { Client, GuestConnection, Agent } from '../../guest/index.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Capture, Machine, MachineMemory, WaitingMachine } from '../../vmm/index.ts';
import { quiesce } from './quiesce.ts';
import { RunningTime, type RunningTimeout } from './running-time.ts';

/** Where a VM is in its life; `failed` and `gone` are ends. */
export type VmState = 'planned' | 'placing' | 'booting' | 'ready' | 'busy' | 'failed' | 'gone';

const connectTimeoutMs = 20_000;
const bootTimeoutMs = 90_000;
const pingTimeoutMs = 10_000;

/**
 * One restored clone whose agent has answered and has been given an identity of its own, or one that was taken over from an earlier
 * owner. Whoever has it must destroy it.
 */
export class VirtualMachine {
  readonly createdAt: Date;
  /** Resolves with VM_LOST when the VM dies without having been destroyed. Never rejects. */
  readonly lost: Promise<BigboxError>;
  readonly #machine: Machine;
  readonly #clock: Clock;
  readonly #running = new RunningTime();
  readonly #silence = Promise.withResolvers<string>();
  readonly #greeted = Promise.withResolvers<void>();
  /** Absent of a VM that was paused when it was taken over: a guest that stands still greets nobody. */
  #connection: GuestConnection | undefined;
  #id: VmId;
  #state: VmState = 'ready';

  private constructor(id: VmId, { machine, clock }: Parts) {
    this.#id = id;
    this.createdAt = new Date();
    this.#machine = machine;
    this.#clock = clock;
    this.lost = this.#watch();
  }

  /**
   * Restores the clone, greets its agent and renews entropy, clock, host name and machine id, before any user code can run.
   * Throws VM_SNAPSHOT_FAILED, GUEST_UNREACHABLE, VM_LOST; nothing is left of the clone then.
   */
  static async restore(waiting: WaitingMachine, clock: Clock): Promise<VirtualMachine> {
    const wanted = { id: createVmId(), isNew: true, timeoutMs: connectTimeoutMs };
    return VirtualMachine.#introduce(await waiting.restore(), clock, wanted);
  }

  /** Takes a machine that boots just now. Throws as `restore`; nothing is left of the machine then. */
  static async boot(machine: Machine, clock: Clock): Promise<VirtualMachine> {
    return VirtualMachine.#introduce(machine, clock, { id: createVmId(), isNew: true, timeoutMs: bootTimeoutMs });
  }

  /** Takes a machine that boots just now with the disk of an earlier one, whose machine id it keeps. Throws as `boot`. */
  static async bootAgain(machine: Machine, clock: Clock, id: VmId): Promise<VirtualMachine> {
    return VirtualMachine.#introduce(machine, clock, { id, isNew: false, timeoutMs: bootTimeoutMs });
  }

  static async #introduce(
    machine: Machine,
    clock: Clock,
    { timeoutMs, ...wanted }: Introduction,
  ): Promise<VirtualMachine> {
    const { id } = wanted;
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const connection = await machine.connect(signal);
      await renew(connection.agent, { ...wanted, now: clock.now(), signal });
      const vm = new VirtualMachine(id, { machine, clock });
      vm.#talkOver(connection);
      return vm;
    } catch (cause) {
      await machine.destroy();
      if (cause instanceof BigboxError) throw cause;
      throw new BigboxError('GUEST_UNREACHABLE', {
        message: `The agent of a new VM did not answer: ${(cause as Error).message}.`,
        context: { vm_id: id },
        cause,
      });
    }
  }

  /**
   * Goes on with a machine that an earlier owner left, running or paused as it is to be. Throws GUEST_UNREACHABLE, VM_LOST; nothing is
   * left of the machine then.
   */
  static async adopt(id: VmId, { machine, clock, isPaused }: AdoptedParts): Promise<VirtualMachine> {
    const vm = new VirtualMachine(id, { machine, clock });
    vm.occupy();
    try {
      // It may stand still because its owner died while it was captured, or run because that had not paused it yet.
      await machine.pause();
      vm.#running.stop();
      if (!isPaused) await vm.resume();
      return vm;
    } catch (error) {
      await vm.destroy();
      throw error;
    }
  }

  get id(): VmId {
    return this.#id;
  }

  get state(): VmState {
    return this.#state;
  }

  /** Throws GUEST_UNREACHABLE while it is paused since before it was taken over. */
  get agent(): Client<typeof Agent> {
    if (this.#connection !== undefined) return this.#connection.agent;
    throw new BigboxError('GUEST_UNREACHABLE', {
      message: `The VM ${this.id} is paused, and its agent was not greeted since the VM was taken over.`,
      context: { vm_id: this.id },
    });
  }

  /** Resolves when the agent has answered; of a VM that was taken over while it was paused that is when it goes on. */
  get greeted(): Promise<void> {
    return this.#greeted.promise;
  }

  /** The machine itself, for looking at it only: what changes it is done here. */
  get machine(): Pick<Machine, 'pid' | 'memory' | 'consoleTail' | 'record'> {
    return this.#machine;
  }

  get isPaused(): boolean {
    return this.#running.isStopped;
  }

  /** Marks the VM as working for somebody. */
  occupy(): void {
    if (this.#state === 'ready') this.#state = 'busy';
  }

  /** Gives the VM the id under which somebody asked for one, also as its host name. */
  async takeName(id: VmId): Promise<void> {
    await this.agent.renew({ hostname: id }, { signal: AbortSignal.timeout(pingTimeoutMs) });
    this.#id = id;
  }

  /** Whether the agent answers. */
  async answers(): Promise<boolean> {
    try {
      await this.agent.ping({}, { signal: AbortSignal.timeout(pingTimeoutMs) });
      return true;
    } catch {
      return false;
    }
  }

  /** Stops the guest; its memory and what runs in it stay, calls to its agent wait. May be repeated. Throws VM_LOST. */
  async pause(): Promise<void> {
    if (this.isPaused) return;
    await this.#machine.pause();
    this.#running.stop();
  }

  /** Lets the guest go on and sets its clock. May be repeated. Throws VM_LOST, GUEST_UNREACHABLE: it is paused again then. */
  async resume(): Promise<void> {
    if (!this.isPaused) return;
    await this.#machine.resume();
    try {
      if (this.#connection === undefined)
        this.#talkOver(await this.#machine.connect(AbortSignal.timeout(connectTimeoutMs)));
      const unixTimeUs = toMicroseconds(this.#clock.now());
      await this.agent.renew({ unixTimeUs }, { signal: AbortSignal.timeout(pingTimeoutMs) });
    } catch (cause) {
      await this.#machine.pause();
      throw new BigboxError('GUEST_UNREACHABLE', {
        message: `The agent of the resumed VM did not take the time: ${(cause as Error).message}.`,
        context: { vm_id: this.id },
        cause,
      });
    }
    this.#running.resume();
  }

  /**
   * Copies the VM as it stands into a directory and lets it go on, paused only where it was. The caller completes and closes the
   * capture. Throws VM_SNAPSHOT_FAILED, DISK_FULL, VM_LOST, GUEST_UNREACHABLE when it does not go on: it is paused then.
   */
  async capture(directory: string): Promise<Capture> {
    const wasPaused = this.isPaused;
    await this.pause();
    let captured: Capture | undefined;
    try {
      if (!this.#machine.keepsConnections) this.#hangUp();
      captured = await this.#machine.capture(directory);
      if (!wasPaused) await this.resume();
      return captured;
    } catch (error) {
      await captured?.close();
      if (!wasPaused) await this.resume();
      throw error;
    }
  }

  /** Ends all that runs in the guest and has it write its disk. Throws GUEST_UNREACHABLE. */
  quiesce(): Promise<void> {
    return quiesce(this.agent);
  }

  /** Copies the disk of the paused VM into the directory. Throws VM_SNAPSHOT_FAILED, DISK_FULL, VM_LOST. */
  async keepDisk(directory: string): Promise<void> {
    await this.#machine.keepDisk(directory);
  }

  /** Aborts after the guest has run for so long; the time that it is paused does not count. Disposed by the caller. */
  runningTimeout(ms: number): RunningTimeout {
    return this.#running.timeout(ms);
  }

  memory(): Promise<MachineMemory> {
    return this.#machine.memory();
  }

  async destroy(): Promise<void> {
    if (this.#state !== 'failed') this.#state = 'gone';
    this.#connection?.close();
    await this.#machine.destroy();
  }

  #talkOver(connection: GuestConnection): void {
    this.#connection = connection;
    this.#greeted.resolve();
    void connection.closed.then((reason) => {
      if (this.#connection === connection) this.#silence.resolve(`its agent is gone (${reason?.message ?? 'closed'})`);
    });
  }

  /** Calls that are under way end; the agent is greeted anew when the guest runs. */
  #hangUp(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    connection?.close();
  }

  /** A VM whose agent is gone is of no more use than one whose process is gone. */
  async #watch(): Promise<BigboxError> {
    const died = this.#machine.exited.then((exit) => exit.detail);
    const reason = await Promise.race([this.#silence.promise, died]);
    if (this.#state !== 'gone') this.#state = 'failed';
    return new BigboxError('VM_LOST', { message: `The VM ${this.id} died: ${reason}.`, context: { vm_id: this.id } });
  }
}

interface Parts {
  readonly machine: Machine;
  readonly clock: Clock;
}

interface AdoptedParts extends Parts {
  readonly isPaused: boolean;
}

interface Identity {
  readonly id: VmId;
  /** Whether it needs a machine id too. */
  readonly isNew: boolean;
}

interface Introduction extends Identity {
  readonly timeoutMs: number;
}

interface Renewal extends Identity {
  readonly now: number;
  readonly signal: AbortSignal;
}

async function renew(agent: Client<typeof Agent>, { id, isNew, now, signal }: Renewal): Promise<void> {
  const machineId = isNew ? randomBytes(16).toString('hex') : '';
  const wanted = { unixTimeUs: toMicroseconds(now), entropy: randomBytes(64), hostname: id, machineId };
  const holds = await agent.renew(wanted, { signal });
  const hasMachineId = isNew ? holds.machineId === machineId : holds.machineId !== '';
  if (holds.reseeded && holds.hostname === id && hasMachineId) return;
  throw new BigboxError('GUEST_UNREACHABLE', {
    message: 'The agent did not confirm that the clone has entropy and a name of its own.',
    context: { vm_id: id, reseeded: holds.reseeded, hostname: holds.hostname },
  });
}

const toMicroseconds = (unixMs: number): bigint => BigInt(Math.round(unixMs * 1000));
