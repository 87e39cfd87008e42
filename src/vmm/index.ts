export type {
  Capture,
  Driver,
  DriverCapabilities,
  Machine,
  MachineExit,
  MachineMemory,
  MachineRecord,
  MachineSpec,
  Snapshot,
  WaitingMachine,
} from './driver.ts';
export { findCapabilities } from './qemu/capabilities.ts';
export { QemuDriver, type QemuOptions } from './qemu/qemu-driver.ts';
