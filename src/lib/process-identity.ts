import { readFileSync } from 'node:fs';

/** USER_HZ, which Linux has the same on every machine that programs are built for (`man 5 proc_pid_stat`, `man 7 time`). */
const ticksPerSecond = 100;

/** A process that can be told from a later one with the same id: ids are used again, start times are not. */
export interface ProcessIdentity {
  readonly pid: number;
  /** Clock ticks after boot, as /proc/PID/stat says. */
  readonly startTime: string;
}

/** Reads who a process is; undefined when it is gone or only waits to be reaped. */
export function identifyProcess(pid: number): ProcessIdentity | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return undefined;
  }
  // The name in parentheses may itself hold blanks and parentheses; state is the first field after it, start time the twentieth.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const startTime = fields[19];
  return fields[0] === 'Z' || startTime === undefined ? undefined : { pid, startTime };
}

/** Milliseconds since this process was forked, also where it was another program at first (a shell's `exec`). */
export function ageOfThisProcess(): number {
  const ticks = Number(identifyProcess(process.pid)?.startTime ?? Number.NaN);
  const upSeconds = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]);
  return (upSeconds - ticks / ticksPerSecond) * 1000;
}

/** Whether exactly this process still runs. */
export const isRunning = (process: ProcessIdentity): boolean =>
  identifyProcess(process.pid)?.startTime === process.startTime;

/** Sends a signal to the whole group that a process leads, or to the process alone where it leads none. A process that is gone is fine. */
export function signalGroup(pid: number, signal: NodeJS.Signals): void {
  for (const target of [-pid, pid]) {
    try {
      process.kill(target, signal);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }
}
