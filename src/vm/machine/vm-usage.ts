import { toGuestFailure } from './guest-failure.ts';
import { type HostUsage, readHostUsage } from './host-usage.ts';
import type { VirtualMachine } from './virtual-machine.ts';

/** What a guest's own kernel counts. */
export interface GuestUsage {
  readonly memoryTotalBytes: number;
  readonly memoryAvailableBytes: number;
  readonly diskTotalBytes: number;
  readonly diskAvailableBytes: number;
  readonly processes: number;
  readonly load: number;
  readonly uptimeMs: number;
}

/** What a VM uses, seen from the host and, where it runs, from inside. */
export interface VmUsage {
  readonly host: HostUsage;
  readonly guest?: GuestUsage;
  /** Why the agent of a running VM did not answer. */
  readonly guestProblem?: string;
}

const patienceMs = 3000;

/** Reads what a VM uses; a paused guest is not asked, and not woken. Throws VM_LOST when its process is gone. */
export async function readUsage(vm: VirtualMachine): Promise<VmUsage> {
  const [host, inside] = await Promise.all([readHostUsage(vm.machine), vm.isPaused ? {} : askGuest(vm)]);
  return { host, ...inside };
}

/** A guest that hangs is just the one that somebody looks at: what the host knows of it is still told. */
async function askGuest(vm: VirtualMachine): Promise<Omit<VmUsage, 'host'>> {
  try {
    const answer = await vm.agent.metrics({}, { signal: AbortSignal.timeout(patienceMs) });
    return {
      guest: {
        memoryTotalBytes: Number(answer.memoryTotalBytes),
        memoryAvailableBytes: Number(answer.memoryAvailableBytes),
        diskTotalBytes: Number(answer.diskTotalBytes),
        diskAvailableBytes: Number(answer.diskAvailableBytes),
        processes: answer.processes,
        load: answer.load1,
        uptimeMs: Number(answer.uptimeMs),
      },
    };
  } catch (error) {
    return { guestProblem: (await toGuestFailure(error, vm)).message };
  }
}
