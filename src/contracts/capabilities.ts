import { z } from 'zod';

const figureNames = ['create-to-first-exec', 'warm-exec', 'pause', 'resume', 'snapshot'] as const;

/** One measured time, over all rounds. */
const Figure = z.object({
  name: z.enum(figureNames),
  rounds: z.number().int(),
  p50_ms: z.number(),
  min_ms: z.number(),
  max_ms: z.number(),
});

/** How fast this machine really is, as the VM service measured it on itself. */
export const VmBenchmark = z.object({
  at: z.string(),
  duration_ms: z.number(),
  driver: z.string(),
  driver_version: z.string(),
  accelerator: z.enum(['kvm', 'tcg']),
  vcpus: z.number().int(),
  memory_mb: z.number().int(),
  figures: z.array(Figure),
});
export type VmBenchmark = z.infer<typeof VmBenchmark>;

export const mostRounds = 50;
export const BenchmarkRequest = z.object({
  rounds: z.number().int().min(1).max(mostRounds).default(5).describe('VMs that are made one after the other'),
});

/** What VMs are made of. */
export const VmTemplate = z.object({
  name: z.string(),
  aliases: z.array(z.string()),
  image_id: z.string().describe('Hash of what it was built of'),
  disk_bytes: z.number().int(),
  kernel_bytes: z.number().int(),
  command_line: z.string(),
  vcpus: z.number().int(),
  memory_mb: z.number().int(),
});
export type VmTemplate = z.infer<typeof VmTemplate>;
export const VmTemplateList = z.object({ images: z.array(VmTemplate) });

/** `GET /health/capabilities` of the VM service: what it can do on this machine, found by trying. */
export const VmCapabilities = z.object({
  driver: z.string(),
  driver_version: z.string(),
  accelerator: z.enum(['kvm', 'tcg']),
  cpu: z.string().describe("The processor that guests see: the host's, or emulated"),
  confinement: z.array(z.string()).describe('Walls around the process of each VM that hold here'),
  missing: z.array(z.string()).describe('What is lost here, one sentence each'),
  languages: z.array(z.string()),
  max_vms: z.number().int(),
  vcpus: z.number().int(),
  memory_mb: z.number().int(),
  benchmark: VmBenchmark.optional().describe('The last one that POST /api/v1/benchmark made here; absent before'),
});
export type VmCapabilities = z.infer<typeof VmCapabilities>;
