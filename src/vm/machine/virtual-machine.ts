import { randomBytes } from 'node:crypto';
import { BigboxError } from '../../contracts/errors.ts';
import { createVmId, type VmId } from '../../contracts/ids.ts';
import type { Client, GuestConnection, Agent } from '../../guest/index.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Capture, Machine, MachineMemory, WaitingMachine } from '../../vmm/index.ts';
import { RunningTime, type RunningTimeout } from './running-time.ts';

/** Where a VM is in its life; `failed` and `gone` are ends. */
export type VmState = 'planned' | 'placing' | 'booting' | 'ready' | 'busy' | 'failed' | 'gone';

const connectTimeoutMs = 20_000;
const bootTimeoutMs = 90_000;
const pingTimeoutMs = 10_000;

/** One restored clone whose agent has answered and has been given an identity of its own. Whoever has it must destroy it. */
export class VirtualMachine {
  readonly createdAt: Date;
  /** Resolves with VM_LOST when the VM dies without having been destroyed. Never rejects. */
  readonly lost: Promise<BigboxError>;
  readonly #machine: Machine;
  readonly #connection: GuestConnection;
  readonly #clock: Clock;
  readonly #running = new RunningTime();
  #id: VmId;
  #state: VmState = 'ready';

  private constructor(id: VmId, { machine, connection, clock }: Parts) {
    this.#id = id;
    this.createdAt = new Date();
    this.#machine = machine;
    this.#connection = connection;
    this.#clock = clock;
    this.lost = this.#watch();
  }

  /**
   * Restores the clone, greets its agent and renews entropy, clock, host name and machine id, before any user code can run.
   * Throws VM_SNAPSHOT_FAILED, GUEST_UNREACHABLE, VM_LOST; nothing is left of the clone then.
   */
  static async restore(waiting: WaitingMachine, clock: Clock): Promise<VirtualMachine> {
    return VirtualMachine.#introduce(await waiting.restore(), clock, connectTimeoutMs);
  }

  /** Takes a machine that boots just now. Throws as `restore`; nothing is left of the machine then. */
  static async boot(machine: Machine, clock: Clock): Promise<VirtualMachine> {
    return VirtualMachine.#introduce(machine, clock, bootTimeoutMs);
  }

  static async #introduce(machine: Machine, clock: Clock, timeoutMs: number): Promise<VirtualMachine> {
    const id = createVmId();
    try {
      const signal = AbortSignal.timeout(timeoutMs);
      const connection = await machine.connect(signal);
      await renew(connection.agent, { id, now: clock.now(), signal });
      return new VirtualMachine(id, { machine, connection, clock });
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

  get id(): VmId {
    return this.#id;
  }

  get state(): VmState {
    return this.#state;
  }

  get agent(): Client<typeof Agent> {
    return this.#connection.agent;
  }

  /** The machine itself, for looking at it only: what changes it is done here. */
  get machine(): Pick<Machine, 'pid' | 'memory' | 'consoleTail'> {
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
  async adopt(id: VmId): Promise<void> {
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
      const unixTimeUs = toMicroseconds(this.#clock.now());
      await this.agent.renew({ unixTimeUs }, { signal: AbortSignal.timeout(pingTimeoutMs) });
    } catch (cause) {
      await this.#machine.pause();
      throw new BigboxError('GUEST_UNREACHABLE', {
        message: `The clock of the resumed VM could not be set: ${(cause as Error).message}.`,
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
      captured = await this.#machine.capture(directory);
      if (!wasPaused) await this.resume();
      return captured;
    } catch (error) {
      await captured?.close();
      if (!wasPaused) await this.resume();
      throw error;
    }
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
    this.#connection.close();
    await this.#machine.destroy();
  }

  /** A VM whose agent is gone is of no more use than one whose process is gone. */
  async #watch(): Promise<BigboxError> {
    const silent = this.#connection.closed.then((reason) => `its agent is gone (${reason?.message ?? 'closed'})`);
    const died = this.#machine.exited.then((exit) => exit.detail);
    const reason = await Promise.race([silent, died]);
    if (this.#state !== 'gone') this.#state = 'failed';
    return new BigboxError('VM_LOST', { message: `The VM ${this.id} died: ${reason}.`, context: { vm_id: this.id } });
  }
}

interface Parts {
  readonly machine: Machine;
  readonly connection: GuestConnection;
  readonly clock: Clock;
}

interface Identity {
  readonly id: VmId;
  readonly now: number;
  readonly signal: AbortSignal;
}

async function renew(agent: Client<typeof Agent>, { id, now, signal }: Identity): Promise<void> {
  const machineId = randomBytes(16).toString('hex');
  const wanted = { unixTimeUs: toMicroseconds(now), entropy: randomBytes(64), hostname: id, machineId };
  const holds = await agent.renew(wanted, { signal });
  if (holds.reseeded && holds.hostname === id && holds.machineId === machineId) return;
  throw new BigboxError('GUEST_UNREACHABLE', {
    message: 'The agent did not confirm that the clone has entropy and a name of its own.',
    context: { vm_id: id, reseeded: holds.reseeded, hostname: holds.hostname },
  });
}

const toMicroseconds = (unixMs: number): bigint => BigInt(Math.round(unixMs * 1000));
