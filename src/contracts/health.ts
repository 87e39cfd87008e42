import { z } from 'zod';

/** `GET /health` of the VM service; the first three fields are what upstream clients read. */
export const VmServiceHealth = z.object({
  service: z.literal('fcctl-web'),
  status: z.enum(['healthy', 'degraded', 'starting']),
  timestamp: z.string(),
  version: z.string(),
  driver: z.string().optional(),
  accelerator: z.enum(['kvm', 'tcg']).optional(),
  pool: z
    .object({
      target: z.number().int(),
      ready: z.number().int(),
      busy: z.number().int(),
      starting: z.number().int(),
      waiting_processes: z.number().int(),
    })
    .optional(),
  recovery: z
    .object({
      adopted: z.array(z.string()).describe('VMs of an earlier service that go on'),
      made_again: z.array(z.string()).describe('VMs that were still being made when it ended'),
      lost: z.array(z.object({ vm_id: z.string(), reason: z.string() })),
      removed: z.array(z.string()).describe('Processes, directories and control groups that belonged to no VM'),
    })
    .optional()
    .describe('What this service found of the one before it when it began'),
  problems: z.array(z.string()),
});
export type VmServiceHealth = z.infer<typeof VmServiceHealth>;

/** `GET /health` of the agent server. */
export const AgentServerHealth = z.object({
  status: z.enum(['ok', 'degraded', 'starting']),
  service: z.literal('terraphim-server'),
  version: z.string(),
  timestamp: z.string(),
  capabilities: z.array(z.string()),
  problems: z.array(z.string()),
});
export type AgentServerHealth = z.infer<typeof AgentServerHealth>;

/** `GET /api/v1/system` of the agent server: what the pages' frame and the command line show. */
export const SystemStatus = z.object({
  ready: z.boolean(),
  url: z.string(),
  version: z.string(),
  vm: z.object({
    state: z.enum(['ready', 'starting', 'unavailable']),
    driver: z.string().optional(),
    accelerator: z.enum(['kvm', 'tcg']).optional(),
    note: z.string().optional(),
  }),
  model: z.object({
    state: z.enum(['ready', 'starting', 'unavailable']),
    provider: z.string().optional(),
    name: z.string().optional(),
    requested: z.string().optional(),
    note: z.string().optional(),
    tokens_per_second: z.number().optional(),
  }),
  notices: z.array(z.string()).describe('Settings that a person should know of: open on loopback, keys without effect'),
});
export type SystemStatus = z.infer<typeof SystemStatus>;
