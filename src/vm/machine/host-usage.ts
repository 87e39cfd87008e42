import { readFile } from 'node:fs/promises';
import { BigboxError } from '../../contracts/errors.ts';
import type { MachineMemory } from '../../vmm/index.ts';

/** What the process of a VM uses of the host. */
export interface HostUsage {
  readonly cpuTimeMs: number;
  readonly threads: number;
  readonly residentBytes: number;
  /** Absent where this user may not read it. */
  readonly proportionalBytes?: number;
}

/** Linux counts processor time for user space in hundredths of a second, whatever its own clock is. */
const tickMs = 10;

interface ObservedMachine {
  readonly pid: number;
  memory(): Promise<MachineMemory>;
}

/** Reads what a machine uses now. Throws VM_LOST when its process is gone. */
export async function readHostUsage(machine: ObservedMachine): Promise<HostUsage> {
  const { pid } = machine;
  try {
    const [stat, status, memory] = await Promise.all([
      readFile(`/proc/${pid}/stat`, 'utf8'),
      readFile(`/proc/${pid}/status`, 'utf8'),
      readMemory(machine),
    ]);
    return {
      ...toProcessorUse(stat),
      residentBytes: toResidentBytes(status),
      ...(memory === undefined ? {} : { proportionalBytes: memory.proportionalBytes }),
    };
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ESRCH') throw cause;
    throw new BigboxError('VM_LOST', { message: `The process ${pid} of the VM is gone.`, context: { pid }, cause });
  }
}

/** The division of shared pages is told to the owner of the process alone. */
async function readMemory(machine: ObservedMachine): Promise<MachineMemory | undefined> {
  try {
    return await machine.memory();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') return undefined;
    throw error;
  }
}

/** Reads `/proc/PID/stat`. The name of the program, in parentheses, may hold spaces and parentheses itself. */
export function toProcessorUse(stat: string): Pick<HostUsage, 'cpuTimeMs' | 'threads'> {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const read = (position: number): number => Number(fields[position - 3] ?? 0);
  return { cpuTimeMs: (read(14) + read(15)) * tickMs, threads: read(20) };
}

const toResidentBytes = (status: string): number => Number(/^VmRSS:\s+(\d+)/m.exec(status)?.[1] ?? 0) * 1024;
