import { z } from 'zod';

/** What a machine is made of. Paths are absolute; the disk is only read, writes go to a layer of the machine's own. */
export const MachineSpec = z.object({
  kernel: z.string(),
  initramfs: z.string(),
  /** What the kernel is told; the driver adds its console. */
  commandLine: z.string(),
  /** A raw root file system image. */
  disk: z.string(),
  vcpus: z.number().int().positive(),
  memoryMib: z.number().int().positive(),
});
export type MachineSpec = Readonly<z.infer<typeof MachineSpec>>;
