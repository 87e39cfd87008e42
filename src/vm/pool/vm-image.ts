import type { MachineSpec } from '../../vmm/index.ts';
import type { VmSize } from '../machine/vm-size.ts';

/** What a VM type boots, as `images` delivers it. Paths are absolute and their content was verified. */
export interface VmImage {
  readonly name: string;
  /** Changes whenever any of the files does. */
  readonly hash: string;
  readonly kernel: string;
  readonly initramfs: string;
  readonly disk: string;
  readonly commandLine: string;
}

/** What a machine of this image and size is made of. */
export const toSpec = (image: VmImage, { vcpus, memoryMib }: VmSize): MachineSpec => ({
  kernel: image.kernel,
  initramfs: image.initramfs,
  disk: image.disk,
  commandLine: image.commandLine,
  vcpus,
  memoryMib,
});
