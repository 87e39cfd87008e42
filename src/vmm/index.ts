export type {
  Capture,
  Driver,
  DriverCapabilities,
  KeptDisk,
  Machine,
  MachineExit,
  MachineMemory,
  MachineRecord,
  MachineSpec,
  Snapshot,
  WaitingMachine,
} from './driver.ts';
export { findKvmFault } from './qemu/accelerator.ts';
export { findCapabilities } from './qemu/capabilities.ts';
export { QemuDriver, type QemuOptions } from './qemu/qemu-driver.ts';
export { findFirecracker, type FirecrackerBinaries } from './firecracker/find-binaries.ts';
export { FirecrackerDriver, type FirecrackerOptions } from './firecracker/firecracker-driver.ts';
