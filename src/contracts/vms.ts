import { z } from 'zod';
import { ErrorBody } from './errors.ts';
import { ExecuteResponse } from './execution.ts';

/**
 * `running` only once the guest has answered; a `paused` VM keeps its memory and goes on with the next call to it, a `stopped` one has its
 * disk only.
 */
export const VmStatus = z.enum(['creating', 'running', 'paused', 'stopped', 'failed']);
export type VmStatus = z.infer<typeof VmStatus>;

const mostEntries = 64;
const longestTimeoutSeconds = 604_800;
const longestTtlSeconds = 315_360_000;
/** A query parameter that begins so filters by a label. */
export const metadataPrefix = 'metadata.';
const metadataKey = /^[A-Za-z0-9_.-]{1,64}$/;

/** Labels of the caller's. */
const Metadata = z
  .record(z.string().regex(metadataKey), z.string().max(1024))
  .refine((labels) => Object.keys(labels).length <= mostEntries, `expected at most ${mostEntries} entries`);
const TimeoutSeconds = z.number().positive().max(longestTimeoutSeconds);
const Vcpus = z.number().int().min(1).max(64);
const MemoryMb = z.number().int().min(128).max(1_048_576);
const OnTimeout = z.enum(['kill', 'pause']);

export const CreateVmRequest = z.object({
  vm_type: z.string().min(1).max(100).default('debian-bookworm').describe('debian-bookworm, or an alias of upstream'),
  vm_name: z.string().min(1).max(200).optional(),
  name: z.string().min(1).max(200).optional().describe("Upstream's other name for vm_name"),
  agent_id: z.string().max(200).optional(),
  snapshot_id: z.string().max(64).optional().describe('Go on from this snapshot; its VM type is taken'),
  vcpus: Vcpus.optional().describe('Virtual processors; 1 without it'),
  memory_mb: MemoryMb.optional().describe(
    'Memory in MiB; vm_memory_mib of the configuration without it. A VM of another size than most is booted for the call',
  ),
  metadata: Metadata.optional().describe('Labels to find the VM by'),
  env: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(32_768))
    .refine((entries) => Object.keys(entries).length <= mostEntries, `expected at most ${mostEntries} entries`)
    .optional()
    .describe('Environment of every execution in the VM; what an execution names itself wins. Never shown again'),
  timeout_seconds: TimeoutSeconds.optional().describe(
    'How long the VM runs, from when it is ready; without it, it lives until it is deleted',
  ),
  on_timeout: OnTimeout.default('kill').describe('Delete or pause the VM when its timeout ends'),
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
  snapshot_id: z.string().optional().describe('The snapshot that it was made from'),
  forked_from: z.string().optional().describe('The VM that it is a fork of'),
  user_id: z.string(),
  config: z.string().describe('JSON text, as upstream sends it'),
  vcpus: z.number().int(),
  memory_mb: z.number().int(),
  created_at: z.string(),
  updated_at: z.string(),
  last_activity: z.string().optional(),
  metadata: z.record(z.string(), z.string()),
  timeout_seconds: z.number().optional(),
  on_timeout: OnTimeout,
  expires_at: z
    .string()
    .optional()
    .describe('When the timeout ends; absent without one, and while the VM does not run'),
  error_detail: ErrorBody.optional(),
});
export type Vm = z.infer<typeof Vm>;

export const VmListQuery = z
  .object({
    state: VmStatus.optional(),
    name: z.string().max(200).optional(),
    limit: z.coerce.number().int().min(1).max(1000).default(1000),
    cursor: z.string().min(1).max(200).optional().describe('next_cursor of the page before'),
  })
  .catchall(z.string().max(1024))
  .superRefine((query, context) => {
    for (const key of Object.keys(query))
      if (!Object.hasOwn(VmListQuery.shape, key) && !key.startsWith(metadataPrefix))
        context.addIssue({
          code: 'custom',
          path: [key],
          message: 'expected state, name, limit, cursor or metadata.KEY',
        });
  });

/** Sets the timeout anew from now, or takes it away. */
export const VmTimeoutRequest = z.object({
  timeout_seconds: TimeoutSeconds.nullable().describe('From now; null lets the VM live until it is deleted'),
  on_timeout: OnTimeout.optional(),
});

export const ResumeVmRequest = z.object({
  timeout_seconds: TimeoutSeconds.optional().describe('Moves the end of the timeout where it would come earlier'),
});

export const ForkVmRequest = z.object({
  count: z.number().int().min(1).max(100).default(1),
  name: z
    .string()
    .min(1)
    .max(190)
    .optional()
    .describe('A number is put behind it; without it the name of the VM is taken'),
  metadata: Metadata.optional().describe('Added to the labels of the VM'),
});
export const ForkVmResponse = z.object({ forks: z.array(Vm) });

/** A VM's memory, devices and disk at one moment. */
export const VmSnapshot = z.object({
  id: z.string(),
  name: z.string(),
  vm_id: z.string().describe('The VM that it was made of, which may be gone'),
  vm_type: z.string(),
  vcpus: z.number().int(),
  memory_mb: z.number().int(),
  metadata: z.record(z.string(), z.string()),
  created_at: z.string(),
  expires_at: z.string().optional().describe('When it is removed; absent where it lives until it is deleted'),
  bytes: z.number().int().describe('Disk space that making it took; what it shares with those before does not count'),
});
export type VmSnapshot = z.infer<typeof VmSnapshot>;

export const CreateSnapshotRequest = z.object({
  name: z.string().min(1).max(200).optional(),
  metadata: Metadata.optional(),
  ttl_seconds: z
    .number()
    .positive()
    .max(longestTtlSeconds)
    .optional()
    .describe('After so long it is removed; without it, it lives until it is deleted'),
});

/** The content type of an exported snapshot. */
export const archiveType = 'application/gzip';

export const SnapshotListQuery = z.strictObject({ vm_id: z.string().max(64).optional() });
export const SnapshotList = z.object({
  total: z.number().int(),
  snapshots: z.array(VmSnapshot),
  used_bytes: z.number().int().describe('Disk space of all snapshots; a part that several share counts once'),
});
export const CollectSnapshotsRequest = z.object({
  dry_run: z.boolean().default(false).describe('Only tell what would be removed'),
  older_than_seconds: z.number().positive().optional().describe('Also those that were made before so long'),
});
export const CollectSnapshotsResponse = z.object({
  removed: z.array(
    z.object({
      id: z.string(),
      name: z.string().optional(),
      reason: z.enum(['expired', 'old', 'unreadable']),
    }),
  ),
  freed_bytes: z.number().int().describe('What the ones that stay still share is not free'),
  dry_run: z.boolean(),
});
export type CollectSnapshotsResponse = z.infer<typeof CollectSnapshotsResponse>;
export const DeleteSnapshotResponse = z.object({ id: z.string(), status: z.literal('deleted') });

export const VmList = z.object({
  total: z.number().int().describe('VMs that the filter lets through, on all pages'),
  next_cursor: z.string().optional().describe('Where the next page begins; absent on the last one'),
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

export type VmList = z.infer<typeof VmList>;

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
  broken: z.boolean().describe('Whether the template is sick: claims get machines that are booted for them'),
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
  name: z.string().describe('In a list: relative to the folder that is listed'),
  kind: z.enum(['file', 'directory', 'symlink', 'other']),
  size: z.number(),
  mode: z.number().int(),
  modified_at: z.string(),
  link_target: z.string().optional(),
});
export type FileEntry = z.infer<typeof FileEntry>;
export const FileStatus = z.object({ path: z.string(), entry: FileEntry });
export const MakeFolderRequest = z.object({
  path: z.string().min(1).max(4096),
  mode: z.number().int().min(0).max(0o7777).default(0o755).describe('Permission bits of the folder itself'),
});
export const WriteFileRequest = FileContent.extend({
  append: z.boolean().default(false).describe('Add to the end of the file instead of replacing it'),
});
export const MoveFileRequest = z.object({
  from: z.string().min(1).max(4096),
  to: z.string().min(1).max(4096),
  overwrite: z.boolean().default(false).describe('Replace a file or an empty folder that is at the target'),
});
export const ChangeModeRequest = z.object({
  path: z.string().min(1).max(4096),
  mode: z.number().int().min(0).max(0o7777).describe('Permission bits, as a number: 420 is rw-r--r--'),
});
export const FileAnswer = z.object({ path: z.string() });
/** The content type of a folder as one archive. */
export const folderType = 'application/x-tar';
export const FileListing = z.object({ path: z.string(), entries: z.array(FileEntry) });

/** What a client sends on `/ws/{vm_id}`. */
export const VmFrame = z.object({
  message_type: z.string().max(100),
  data: z.record(z.string(), z.unknown()).default({}),
});
export type VmFrame = z.infer<typeof VmFrame>;
