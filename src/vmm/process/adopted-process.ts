import { setTimeout as wait } from 'node:timers/promises';
import type { Socket } from 'node:net';
import { type ProcessIdentity, isRunning } from '../../lib/process-identity.ts';
import type { MachineExit } from '../driver.ts';
import { keepTail } from './byte-tail.ts';
import { keptConsoleBytes, type MachineProcess, tryKill } from './machine-process.ts';

const checkMs = 200;
const goneCheckMs = 5;

/** A VMM process that an earlier owner started. It is nobody's child any more, so that its end is looked for. */
export class AdoptedProcess implements MachineProcess {
  readonly pid: number;
  readonly exited: Promise<MachineExit>;
  readonly #identity: ProcessIdentity;
  readonly #console: ReturnType<typeof keepTail> | undefined;
  #wanted = false;

  /** The console, where it was taken over too, tells the end a little earlier. */
  constructor(identity: ProcessIdentity, console?: Socket) {
    this.pid = identity.pid;
    this.#identity = identity;
    this.#console = console === undefined ? undefined : keepTail(console, keptConsoleBytes);
    this.exited = this.#watch(console);
  }

  get console(): string {
    return this.#console?.tail.toString() ?? '';
  }

  async kill(): Promise<void> {
    this.#wanted = true;
    while (isRunning(this.#identity)) {
      tryKill(this.pid);
      await wait(goneCheckMs);
    }
    await this.exited;
  }

  /** The last words are read before the end is told. */
  #watch(console: Socket | undefined): Promise<MachineExit> {
    const { promise, resolve } = Promise.withResolvers<MachineExit>();
    const finish = (): void =>
      resolve({ reason: this.#wanted ? 'destroyed' : 'died', detail: `the process ${this.pid} is gone` });
    const look = (): void => {
      if (isRunning(this.#identity)) return;
      clearInterval(timer);
      this.#console?.hurry();
      if (console === undefined || console.closed) finish();
      else console.once('close', finish);
    };
    const timer = setInterval(look, checkMs);
    timer.unref();
    console?.once('close', () => setTimeout(look, goneCheckMs));
    return promise;
  }
}
