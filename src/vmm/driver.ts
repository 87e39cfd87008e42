import type { GuestConnection } from '../guest/index.ts';
import type { MachineSpec } from './machine-spec.ts';

export type { MachineSpec } from './machine-spec.ts';

/** What this driver can do here, found by trying it. */
export interface DriverCapabilities {
  readonly driver: string;
  readonly version: string;
  readonly accelerator: 'kvm' | 'tcg';
  /** The processor that guests see: the host's where it runs them, else `emulated`. */
  readonly cpu: string;
  /** Protections around the process of a VM that hold here. */
  readonly confinement: readonly string[];
  /** What is lost here, one sentence each, for a person. */
  readonly missing: readonly string[];
}

/** A frozen machine on disk. Its directory belongs to whoever asked for it; the driver only reads it from then on. */
export interface Snapshot {
  readonly directory: string;
  readonly spec: MachineSpec;
  readonly driver: string;
  readonly version: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly cpu: string;
  /** What the machine wrote on its disk before, the lowest first: names of files. */
  readonly layers: readonly string[];
  /** Hashes of the files by name, checked by `loadSnapshot` and, for the device state, before each restore. */
  readonly files: Readonly<Record<string, string>>;
  /** Bytes on the disk that making it cost; what it shares with the snapshots before it does not count. */
  readonly storedBytes: number;
}

/** What a machine has written on its disk, without its memory. Its directory belongs to whoever asked for it; the driver only reads it from then on. */
export interface KeptDisk {
  readonly directory: string;
  /** Of the machine that wrote it: layers fit on the disk that is named there alone. */
  readonly spec: MachineSpec;
  readonly driver: string;
  /** The lowest first: names of files. */
  readonly layers: readonly string[];
  readonly files: Readonly<Record<string, string>>;
  /** Bytes on the disk that keeping it cost. */
  readonly storedBytes: number;
}

/** A paused machine's state, copied. The machine may go on before it is complete. Whoever has it must close it. */
export interface Capture {
  /**
   * Puts on the disk what no snapshot before has, and makes the whole a snapshot, which needs no other one to be there. Called once.
   * Throws VM_SNAPSHOT_FAILED, DISK_FULL.
   */
  complete(): Promise<Snapshot>;
  /** Lets go of the files, and removes them unless the capture is complete. */
  close(): Promise<void>;
}

export interface MachineExit {
  /** `died`: nobody asked for it. */
  readonly reason: 'destroyed' | 'died';
  /** The last words of the process, for the log. */
  readonly detail: string;
}

export interface MachineMemory {
  /** This machine's share of what it maps: pages that several machines map are divided among them. */
  readonly proportionalBytes: number;
  readonly residentBytes: number;
}

/** What a driver needs to find a machine again after the death of the process that started it: JSON, read by the same driver alone. */
export interface MachineRecord {
  readonly id: string;
  readonly driver: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

/** One running microVM. It outlives the process that started it; whoever has it must destroy it. */
export interface Machine {
  readonly id: string;
  readonly pid: number;
  /** Whether connections go on after a capture; where not, they are closed before and opened again when the guest runs. */
  readonly keepsConnections: boolean;
  /** Resolves when the process is gone, whatever the reason. Never rejects. */
  readonly exited: Promise<MachineExit>;
  /** Greets the agent inside and gives a connection. Throws GUEST_UNREACHABLE, VM_LOST, or the signal's reason when aborted. */
  connect(signal: AbortSignal): Promise<GuestConnection>;
  /** Stops the virtual processors. Memory, devices and connections stay; what is sent meanwhile waits. May be repeated. Throws VM_LOST. */
  pause(): Promise<void>;
  /** Lets a paused guest go on; its clocks may have stood still or gone on. May be repeated. Throws VM_LOST. */
  resume(): Promise<void>;
  /**
   * Freezes memory, devices and disk into the directory, which must not exist, and ends the machine. Connections must be closed before.
   * Only for a machine of `bootTemplate`.
   * Throws VM_SNAPSHOT_FAILED; the machine is destroyed then too.
   */
  freeze(directory: string): Promise<Snapshot>;
  /**
   * Copies what memory, devices and disk of a paused machine have changed into the directory, which must not exist; connections may be open. Not for a
   * machine of `bootTemplate`. Throws VM_SNAPSHOT_FAILED, DISK_FULL, VM_LOST; nothing is left in the directory then.
   */
  capture(directory: string): Promise<Capture>;
  /**
   * Copies the disk of a paused machine as it stands into the directory, which must not exist; what the guest holds back in its memory
   * is not in it. Not for a machine of `bootTemplate`. Throws VM_SNAPSHOT_FAILED, DISK_FULL, VM_LOST; nothing is left in the
   * directory then.
   */
  keepDisk(directory: string): Promise<KeptDisk>;
  /** What `Driver.adopt` needs, whatever happens to the machine until then. */
  record(): MachineRecord;
  /** The last 64 KiB that the machine wrote on its console, since it was adopted where it was. */
  consoleTail(): string;
  memory(): Promise<MachineMemory>;
  /** Ends the process and removes everything that belonged to the machine. May be called again. */
  destroy(): Promise<void>;
}

/** A started VMM process without a guest: what remains of a restore takes milliseconds. */
export interface WaitingMachine {
  readonly id: string;
  readonly exited: Promise<MachineExit>;
  /** Loads the snapshot and lets the guest run; may be called once. Throws VM_SNAPSHOT_FAILED, and ends the process then. */
  restore(): Promise<Machine>;
  destroy(): Promise<void>;
}

/** A way to run microVMs. Every implementation passes the cases of `suite/`. */
export interface Driver {
  readonly name: string;
  /** Tries what this machine can do; the answer is kept. Throws VMM_MISSING. */
  probe(): Promise<DriverCapabilities>;
  /**
   * Gives up the fast way to run machines after one did not boot with it; the next probe says so. False where there is no other way,
   * or configuration forbids it.
   */
  fallBack(reason: string): Promise<boolean>;
  /**
   * Starts a machine from nothing, or from a disk that another one left, which is not needed any more afterwards; the guest still boots
   * when this resolves. Throws VMM_MISSING, VM_BOOT_FAILED.
   */
  boot(spec: MachineSpec, disk?: KeptDisk): Promise<Machine>;
  /** Starts a machine that is to be frozen. Throws as `boot`. */
  bootTemplate(spec: MachineSpec): Promise<Machine>;
  /** Reads a kept disk back and checks every hash. Throws VM_DISK_UNUSABLE when it is damaged or not for this driver. */
  loadDisk(directory: string): Promise<KeptDisk>;
  /** Reads a snapshot back and checks every hash. Throws VM_SNAPSHOT_FAILED when it is damaged or cannot run here. */
  loadSnapshot(directory: string): Promise<Snapshot>;
  /**
   * Takes in the files of a snapshot that was made elsewhere of a machine with the same kernel, initramfs and disk, which are those
   * of `spec` here: nothing in the files is trusted. Throws VM_SNAPSHOT_FAILED when they are damaged or cannot run here, or when the
   * machine is larger than `spec`.
   */
  importSnapshot(directory: string, spec: MachineSpec): Promise<Snapshot>;
  /** Starts a process that waits for the snapshot's guest. Throws VM_SNAPSHOT_FAILED. */
  prelaunch(snapshot: Snapshot): Promise<WaitingMachine>;
  /** Lets go of what is kept for restores of the snapshot; machines that were restored from it go on. */
  forget(snapshot: Snapshot): Promise<void>;
  /**
   * Takes over a machine that an earlier owner of the same directory left, running or paused; its guest is greeted by `connect`.
   * Throws VM_LOST when it is gone or takes no orders; what there is of it then is a leftover.
   */
  adopt(record: MachineRecord): Promise<Machine>;
  /** Ends processes and removes files of the directory that belong to no machine in `kept`, by id. Returns what it removed. */
  removeLeftovers(kept: ReadonlySet<string>): Promise<readonly string[]>;
  /** Lets go of what is kept between machines. Machines must be destroyed before. */
  close(): Promise<void>;
}
