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
