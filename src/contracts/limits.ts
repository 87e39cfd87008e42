import { z } from 'zod';

/** What is limited. The settings are called so too, below `bigbox`. */
export const LimitName = z.enum([
  'max_vms',
  'max_vcpus',
  'max_memory_mib',
  'max_disk_mib',
  'max_snapshots',
  'max_forks',
  'max_processes',
  'max_output_bytes',
  'max_upload_bytes',
  'max_run_seconds',
  'max_connections',
]);
export type LimitName = z.infer<typeof LimitName>;

/** One limit and what of it is used. */
export const Limit = z.object({
  name: LimitName,
  meaning: z.string(),
  scope: z.enum(['all', 'vm', 'call']).describe('What it counts: all that the principal has, one VM, or one call'),
  unit: z.enum(['number', 'MiB', 'bytes', 's']),
  limit: z.number().int(),
  used: z.number().int().optional().describe('Absent where nothing adds up: of one VM or one call'),
  remedy: z.string().describe('What to do when it is met'),
});
export type Limit = z.infer<typeof Limit>;

/** `GET /api/v1/limits`. */
export const LimitList = z.object({
  principal: z.literal('owner').describe('Whose limits these are: everything belongs to the one owner'),
  limits: z.array(Limit),
});
