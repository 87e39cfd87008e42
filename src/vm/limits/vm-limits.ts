/** What VMs may take, of everything that grows. Hitting one refuses what is new; what runs goes on. */
export interface VmLimits {
  /** VMs at once: named ones, running executions, and the pool, which shrinks as they grow. */
  readonly maxVms: number;
  /** Virtual processors of all VMs in use. */
  readonly maxVcpus: number;
  /** Memory of all VMs in use, as their guests see it. */
  readonly maxMemoryMib: number;
  /** What the disks of VMs and the snapshots take on the host's disk. */
  readonly maxDiskMib: number;
  readonly maxSnapshots: number;
  /** Forks that one call makes. */
  readonly maxForks: number;
  /** Processes that one VM runs at once; at most 24, for the agent runs 32 programs and some are executions. */
  readonly maxProcesses: number;
  /** Bytes of each output stream that are kept. */
  readonly maxOutputBytes: number;
  /** Bytes of a file that one call writes. */
  readonly maxUploadBytes: number;
  /** The longest time limit that a program may have, which is also that of one without; 0 sets none. */
  readonly maxRunSeconds: number;
  /** Calls and connections that are open at once. */
  readonly maxConnections: number;
}

/** What holds where nobody says otherwise. */
export const defaultLimits: VmLimits = {
  maxVms: 16,
  maxVcpus: 64,
  maxMemoryMib: 65_536,
  maxDiskMib: 32_768,
  maxSnapshots: 64,
  maxForks: 100,
  maxProcesses: 24,
  maxOutputBytes: 1_048_576,
  maxUploadBytes: 16_777_216,
  maxRunSeconds: 0,
  maxConnections: 512,
};
