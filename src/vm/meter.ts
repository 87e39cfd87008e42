/** Is told how long things took, each in milliseconds. Told after the fact: it can neither fail nor delay what it measures. */
export interface VmMeter {
  /** A clone came out of a snapshot, from the wish to its agent's answer. */
  restored(origin: 'template' | 'snapshot', milliseconds: number): void;
  /** Somebody got a clone: one that was there, or one that had to be restored first. */
  claimed(found: 'ready' | 'restored', milliseconds: number): void;
  /** A program ended, code of the seed's routes or a process of a VM. */
  executed(kind: 'code' | 'process', outcome: string, milliseconds: number): void;
  /** A snapshot is on the disk. */
  snapshotted(milliseconds: number): void;
}

/** For those who do not want to know. */
export const noMeter: VmMeter = {
  restored: () => undefined,
  claimed: () => undefined,
  executed: () => undefined,
  snapshotted: () => undefined,
};
