import { readlinkSync } from 'node:fs';
import { type ProcessIdentity, identifyProcess } from '../../lib/process-identity.ts';
import type { MachineExit } from '../driver.ts';

/** One VMM process, started here or taken over. */
export interface MachineProcess {
  /** The id of the VMM itself, below its wrappers. */
  readonly pid: number;
  /** Resolves when it is gone. Never rejects. */
  readonly exited: Promise<MachineExit>;
  /** The newest text that the guest wrote on its console. */
  readonly console: string;
  /** Ends it at once, and resolves when it is gone. */
  kill(): Promise<void>;
}

export const keptConsoleBytes = 65_536;

/** Who a process is, so that no later one with the same id is taken for it. */
export interface MachineProcessIdentity extends ProcessIdentity {
  readonly executable: string;
}

/** Throws a plain error when the process is gone. */
export function identify(pid: number): MachineProcessIdentity {
  const identity = identifyProcess(pid);
  if (identity === undefined) throw new Error(`the process ${pid} is gone`);
  return { ...identity, executable: readlinkSync(`/proc/${pid}/exe`) };
}

/** A process that is gone already is what was wanted. */
export function tryKill(pid: number): boolean {
  try {
    process.kill(pid, 'SIGKILL');
    return true;
  } catch {
    return false;
  }
}
