import { z } from 'zod';
import { ErrorBody } from './errors.ts';
import { ExecuteResponse } from './execution.ts';

/** `running` only once the guest has answered; a `paused` VM keeps its memory and goes on with the next call to it. */
export const VmStatus = z.enum(['creating', 'running', 'paused', 'failed']);
export type VmStatus = z.infer<typeof VmStatus>;

export const CreateVmRequest = z.object({
  vm_type: z.string().min(1).max(100).default('debian-bookworm').describe('debian-bookworm, or an alias of upstream'),
  vm_name: z.string().min(1).max(200).optional(),
  name: z.string().min(1).max(200).optional().describe("Upstream's other name for vm_name"),
  agent_id: z.string().max(200).optional(),
});
export type CreateVmRequest = z.infer<typeof CreateVmRequest>;

export const CreateVmResponse = z.object({
  id: z.string(),
  name: z.string(),
  status: z.literal('Creating'),
  vm_type: z.string().describe('The real type, also where an alias was asked for'),
  requested_vm_type: z.string(),
  created_at: z.string(),
});

/** One VM that lives until it is deleted. */
export const Vm = z.object({
  id: z.string(),
  name: z.string(),
  vm_type: z.string(),
  requested_vm_type: z.string(),
  status: VmStatus,
  agent_id: z.string().optional(),
  user_id: z.string(),
  config: z.string().describe('JSON text, as upstream sends it'),
  vcpus: z.number().int(),
  memory_mb: z.number().int(),
  created_at: z.string(),
  updated_at: z.string(),
  last_activity: z.string().optional(),
  error_detail: ErrorBody.optional(),
});
export type Vm = z.infer<typeof Vm>;

export const VmList = z.object({
  total: z.number().int(),
  vms: z.array(Vm),
  user: z.string(),
  tiers: z.object({ donation: z.string(), subscription: z.string() }),
  usage: z.object({
    at_capacity: z.boolean(),
    current_vms: z.number().int(),
    max_vms: z.number().int(),
    max_memory_mb: z.number().int(),
    vm_usage_percent: z.number(),
    current_concurrent_sessions: z.number().int().describe('Executions that use a clone once'),
    max_concurrent_sessions: z.number().int(),
    session_usage_percent: z.number(),
    has_persistent_storage: z.boolean(),
    max_storage_gb: z.number(),
  }),
});

export const DeleteVmResponse = z.object({ id: z.string(), status: z.literal('deleted') });

export const PoolStatistics = z.object({
  target: z.number().int(),
  ready: z.number().int(),
  busy: z.number().int(),
  starting: z.number().int(),
  waiting_processes: z.number().int(),
  claims_waiting: z.number().int(),
  hits: z.number().int().describe('Claims that found a clone ready'),
  misses: z.number().int().describe('Claims that waited for a restore'),
  max_vms: z.number().int(),
  problem: z.string().optional(),
});
export type PoolStatistics = z.infer<typeof PoolStatistics>;

const PoolVm = z.object({
  id: z.string(),
  name: z.string(),
  vm_type: z.string(),
  status: z.string(),
  created_at: z.string(),
  last_activity: z.string().optional(),
});

/** Upstream's answer about the VMs of one agent. */
export const AgentPool = z.object({
  agent_id: z.string(),
  available_vms: z.array(PoolVm),
  in_use_vms: z.array(PoolVm),
  pool_config: PoolStatistics,
});

export const PoolList = z.object({ vms: z.array(PoolVm), stats: PoolStatistics });

export const ParseExecuteRequest = z.object({
  agent_id: z.string().max(200).default('anonymous'),
  llm_response: z.string().min(1).max(1_000_000).describe('Markdown with fenced code'),
  auto_execute: z.boolean().default(true),
  auto_execute_threshold: z
    .number()
    .min(0)
    .max(1)
    .nullish()
    .describe('Accepted from old clients; nothing is guessed here'),
  vm_id: z.string().max(64).nullish(),
  vm_config: z.unknown().optional(),
  timeout_ms: z.number().int().positive().max(3_600_000).nullish(),
});
export type ParseExecuteRequest = z.infer<typeof ParseExecuteRequest>;

export const ParseExecuteResponse = z.object({
  code_blocks: z.array(
    z.object({
      language: z.string(),
      code: z.string(),
      executable: z.boolean().describe('Whether its language is run here'),
    }),
  ),
  execution_results: z.array(ExecuteResponse),
  errors: z.array(z.string()),
  error_details: z.array(ErrorBody),
});

export const FileContent = z.object({
  path: z.string().min(1).max(4096),
  content: z.string().max(16_000_000),
  encoding: z.enum(['utf8', 'base64']).default('utf8'),
});
export const WriteFileAnswer = z.object({ path: z.string(), bytes: z.number().int() });
export const FileEntry = z.object({
  name: z.string(),
  kind: z.enum(['file', 'directory', 'symlink', 'other']),
  size: z.number(),
  mode: z.number().int(),
  modified_at: z.string(),
  link_target: z.string().optional(),
});
export type FileEntry = z.infer<typeof FileEntry>;
export const FileListing = z.object({ path: z.string(), entries: z.array(FileEntry) });

/** What a client sends on `/ws/{vm_id}`. */
export const VmFrame = z.object({
  message_type: z.string().max(100),
  data: z.record(z.string(), z.unknown()).default({}),
});
export type VmFrame = z.infer<typeof VmFrame>;
