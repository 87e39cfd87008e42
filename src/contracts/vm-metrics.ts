import { z } from 'zod';
import { VmStatus } from './vms.ts';

/** What the guest's own kernel counts. */
const GuestMetrics = z.object({
  memory_total_bytes: z.number().int(),
  memory_available_bytes: z.number().int(),
  disk_total_bytes: z.number().int().describe('Of its root file system'),
  disk_available_bytes: z.number().int(),
  processes: z.number().int().describe('Of the programs that were started in it, with all that those started'),
  load_1: z.number().describe('Processes that ran or wanted to, averaged over one minute'),
  uptime_ms: z.number().int().describe('Since the kernel started; time before a snapshot counts'),
});

/** What a VM uses at one moment. Rates are for the caller to take from two answers. */
export const VmMetrics = z.object({
  vm_id: z.string(),
  at: z.string(),
  status: VmStatus,
  vcpus: z.number().int(),
  memory_limit_bytes: z.number().int().describe('What the guest was given'),
  host: z
    .object({
      cpu_time_ms: z.number().describe('Processor time since the process was started, of all its threads'),
      threads: z.number().int(),
      memory_resident_bytes: z.number().int().describe('Also what it shares with other VMs'),
      memory_proportional_bytes: z
        .number()
        .int()
        .optional()
        .describe('Shared pages divided among those who share them; absent where the host does not tell'),
    })
    .describe('The process of the VM on the host'),
  guest: GuestMetrics.optional().describe('Absent while the VM is paused and where its agent does not answer'),
  guest_problem: z.string().optional().describe('Why the agent of a running VM did not answer'),
});
export type VmMetrics = z.infer<typeof VmMetrics>;

/** The last that a VM wrote on its console. */
export const VmConsole = z.object({
  vm_id: z.string(),
  text: z.string().describe('At most the last 64 KiB; kept when the VM dies, and gone when it is deleted'),
});
export type VmConsole = z.infer<typeof VmConsole>;
