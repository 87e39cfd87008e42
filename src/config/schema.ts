import { z } from 'zod';
import { Role, mergeExtra } from './role.ts';

const port = (fallback: number) => z.number().int().min(0).max(65_535).default(fallback);

/** Bigbox's own settings: the key `bigbox` of a configuration file, the environment and the flags. */
export const Settings = z.strictObject({
  port: port(3000).describe('Port of the pages and the agent server; 0 takes a free one'),
  vm_port: port(8080).describe('Port of the VM service'),
  model_port: port(11_434).describe('Port of the built-in model service'),
  data_dir: z
    .string()
    .min(1)
    .optional()
    .describe('Where runs, keys, VMs and logs are kept; default $XDG_DATA_HOME/bigbox'),
  cache_dir: z
    .string()
    .min(1)
    .optional()
    .describe('Where images, models and tools are kept; default $XDG_CACHE_HOME/bigbox'),
  open_on_loopback: z.boolean().default(false).describe('Whether calls from this machine pass without a key'),
  allow_origins: z.array(z.url()).default([]).describe('Origins of other web pages that may call the API'),
  log_level: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'silent'])
    .default('info')
    .describe('Least level that is logged'),
  concurrent_model_calls: z.number().int().min(1).max(64).default(6).describe('Model calls at one time'),
  concurrent_runs: z.number().int().min(1).max(100).default(8).describe('Runs at one time; more are refused'),
  vm_driver: z
    .enum(['auto', 'firecracker', 'qemu'])
    .default('auto')
    .describe('What runs VMs; auto takes Firecracker where it, its jailer and KVM work, else QEMU'),
  firecracker_path: z
    .string()
    .min(1)
    .optional()
    .describe('Path of the Firecracker binary, its jailer beside it; without it PATH and the cache are searched'),
  firecracker_allow_versions: z
    .array(z.string().regex(/^\d+\.\d+\.\d+$/))
    .default([])
    .describe('Versions of Firecracker that are used although they are old or have known faults'),
  vm_memory_mib: z.number().int().min(128).max(65_536).default(256).describe('Memory of a VM'),
  max_vms: z.number().int().min(1).max(1000).default(16).describe('VMs at one time, the pool included'),
  max_vcpus: z.number().int().min(1).max(10_000).default(64).describe('Virtual processors of all VMs in use'),
  max_memory_mib: z.number().int().min(128).max(16_777_216).default(65_536).describe('Memory of all VMs in use'),
  max_disk_mib: z.number().int().min(64).max(1_073_741_824).default(32_768).describe('Disk space of VMs and snapshots'),
  max_snapshots: z.number().int().min(0).max(100_000).default(64).describe('Snapshots that are kept'),
  max_forks: z.number().int().min(1).max(100).default(100).describe('Forks that one call makes'),
  max_processes: z.number().int().min(1).max(24).default(24).describe('Processes that one VM runs at once'),
  max_upload_bytes: z
    .number()
    .int()
    .min(1024)
    .max(16_777_216)
    .default(16_777_216)
    .describe('Size of a file that one call writes'),
  max_run_seconds: z
    .number()
    .int()
    .min(0)
    .max(31_536_000)
    .default(0)
    .describe('Longest time limit of a program, and that of one without; 0 sets none'),
  max_connections: z
    .number()
    .int()
    .min(1)
    .max(100_000)
    .default(512)
    .describe('Calls and connections of the VM service that are open at once'),
  pool_max: z
    .number()
    .int()
    .min(0)
    .max(256)
    .default(8)
    .describe('Most clones that wait for work, where bursts of claims ask for more than vm_pool_size'),
  pool_memory_mib: z
    .number()
    .int()
    .min(0)
    .max(1_048_576)
    .default(1024)
    .describe('Memory that waiting clones beyond vm_pool_size may take'),
  max_output_bytes: z
    .number()
    .int()
    .min(1024)
    .default(1_048_576)
    .describe('Output that is kept: of each stream of an execution, of both streams of a process together'),
});
export type Settings = z.infer<typeof Settings>;

/** A full configuration, as upstream writes it, with Bigbox's own key. */
export const FullConfiguration = z
  .strictObject({
    id: z.enum(['Server', 'Desktop', 'Embedded']).default('Server').describe('Kind of installation'),
    global_shortcut: z.string().default('').describe('Shortcut of the desktop program; kept, without effect here'),
    roles: z.record(z.string(), z.preprocess(mergeExtra, Role)).describe('Roles by name'),
    default_role: z.string().optional().describe('Role of requests that name none'),
    selected_role: z.string().optional().describe('Role that is in use'),
    bigbox: Settings.prefault({}).describe("Bigbox's own settings"),
  })
  .check((context) => {
    const { roles, default_role: fallback, selected_role: selected } = context.value;
    const known = Object.keys(roles).map((name) => name.toLowerCase());
    for (const [path, name] of [
      ['default_role', fallback],
      ['selected_role', selected],
    ] as const) {
      if (name === undefined || known.includes(name.toLowerCase())) continue;
      context.issues.push({
        code: 'custom',
        input: name,
        path: [path],
        message: `expected one of the roles ${Object.keys(roles).join(', ')}`,
      });
    }
    if (known.length === 0)
      context.issues.push({ code: 'custom', input: roles, path: ['roles'], message: 'expected at least one role' });
  });
export type FullConfiguration = z.infer<typeof FullConfiguration>;

/** The role of a machine without a configuration file. */
const builtInRole = {
  name: 'Default',
  shortname: 'default',
  extra: { vm_execution: { enabled: true, vm_pool_size: 2 } },
};

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Turns what a file holds into a full configuration: nothing gives the built-in role, a bare role (the seed's file) is wrapped.
 * Says too what must be cut from the front of error paths so that they name the file's own places.
 */
export function toFullConfiguration(written: unknown): { readonly full: unknown; readonly cut: number } {
  if (written === undefined) return { full: { roles: { Default: builtInRole } }, cut: 0 };
  if (!isRecord(written) || 'roles' in written) return { full: written, cut: 0 };
  const { bigbox, ...role } = written;
  if (Object.keys(role).length === 0) return { full: { roles: { Default: builtInRole }, bigbox }, cut: 0 };
  const name = typeof role['name'] === 'string' ? role['name'] : 'Default';
  return {
    full: { roles: { [name]: role }, selected_role: name, ...(bigbox === undefined ? {} : { bigbox }) },
    cut: 2,
  };
}
