import { spawn, type ChildProcess, type StdioOptions } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import type { MachineExit } from '../driver.ts';
import { keepTail } from './byte-tail.ts';
import { keptConsoleBytes, type MachineProcess, tryKill } from './machine-process.ts';

type KeptTail = ReturnType<typeof keepTail>;

const keptErrorBytes = 4096;
const wrapperPatienceMs = 1000;

export interface LaunchOptions {
  readonly command: readonly [string, ...string[]];
  readonly directory: string;
  /** Descriptors that the process inherits from 4 on. */
  readonly files: readonly number[];
}

/**
 * The operating system's side of one QEMU process with the wrappers around it. It does not end with this process: what it writes to
 * its console then is lost, and what it inherited stays its own.
 */
export class VmmProcess implements MachineProcess {
  readonly exited: Promise<MachineExit>;
  readonly #child: ChildProcess;
  #pid: number | undefined;
  readonly #console: KeptTail | undefined;
  readonly #errors: KeptTail | undefined;
  #wanted = false;

  private constructor(child: ChildProcess) {
    this.#child = child;
    const console = child.stdio[3] as Readable | null | undefined;
    // There are no streams where the program could not be started.
    this.#console = console == null ? undefined : keepTail(console, keptConsoleBytes);
    this.#errors = child.stderr === null ? undefined : keepTail(child.stderr, keptErrorBytes);
    this.exited = this.#watch();
  }

  static launch({ command, directory, files }: LaunchOptions): VmmProcess {
    const [program, ...parameters] = command;
    const stdio: StdioOptions = ['ignore', 'ignore', 'pipe', 'pipe', ...files];
    // A group of its own: Ctrl-C in the terminal of the service is for the service to answer.
    return new VmmProcess(spawn(program, parameters, { cwd: directory, stdio, detached: true, env: environment }));
  }

  /** The id of the outermost wrapper, to which control groups are applied first. */
  get launcherPid(): number | undefined {
    return this.#child.pid;
  }

  /** The id of QEMU itself below its wrappers; known once QEMU has answered. */
  get pid(): number {
    this.#pid ??= findInnermost(this.#child.pid ?? 0);
    return this.#pid;
  }

  get console(): string {
    return this.#console?.tail.toString() ?? '';
  }

  /** Ends QEMU at once; its wrappers see that, clean up after it and end too. */
  async kill(): Promise<void> {
    this.#wanted = true;
    const pid = this.#child.pid;
    if (pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null) {
      tryKill(this.#pid ?? findInnermost(pid));
      const stubborn = setTimeout(() => killTree(pid), wrapperPatienceMs);
      await this.exited;
      clearTimeout(stubborn);
    }
    await this.exited;
  }

  #watch(): Promise<MachineExit> {
    const { promise, resolve } = Promise.withResolvers<MachineExit>();
    const finish = (how: string): void => {
      const words = (this.#errors?.tail.toString() ?? '').replaceAll(unshareNoise, '').trim();
      const detail = words === '' ? how : `${how}: ${words}`;
      resolve({ reason: this.#wanted ? 'destroyed' : 'died', detail });
    };
    this.#child.once('error', (error) => finish(error.message));
    // Where only a wrapper was killed, QEMU is still there, and `close` would wait for it.
    this.#child.once('exit', () => {
      this.#console?.hurry();
      this.#errors?.hurry();
      if (this.#pid !== undefined && this.#pid !== this.#child.pid) tryKill(this.#pid);
    });
    this.#child.once('close', (code, signal) => finish(`exit ${signal ?? code ?? 'unknown'}`));
    return promise;
  }
}

/** What unshare says when its child was killed. */
const unshareNoise = /^unshare: sigprocmask.*$/gm;

/** Nothing of the service's environment, which may hold secrets, reaches a VMM. */
const environment = { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8' };

function childrenOf(pid: number): readonly number[] {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number);
  } catch {
    return [];
  }
}

function findInnermost(pid: number): number {
  const [child] = childrenOf(pid);
  return child === undefined ? pid : findInnermost(child);
}

function killTree(pid: number): void {
  for (const child of childrenOf(pid)) killTree(child);
  tryKill(pid);
}
