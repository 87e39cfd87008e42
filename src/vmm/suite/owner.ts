import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { nodeFlags } from '../../lib/node-flags.ts';
import type { MachineRecord } from '../driver.ts';

/** Another process that owns a machine. Whoever has it must kill it. */
export class Owner {
  readonly record: MachineRecord;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, record: MachineRecord) {
    this.#child = child;
    this.record = record;
  }

  /** Runs the program with these arguments; resolves when its machine's guest has answered. */
  static async start(program: string, ...parameters: readonly string[]): Promise<Owner> {
    const command = [...nodeFlags, program, ...parameters];
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'inherit'] });
    const ended = once(child, 'exit').then(() => Promise.reject(new Error('the owner ended without a record')));
    const [line] = (await Promise.race([once(createInterface({ input: child.stdout }), 'line'), ended])) as [string];
    ended.catch(() => undefined);
    return new Owner(child, JSON.parse(line) as MachineRecord);
  }

  /** kill -9; resolves when it is gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
