export type {
  Driver,
  DriverCapabilities,
  Machine,
  MachineExit,
  MachineMemory,
  MachineSpec,
  Snapshot,
  WaitingMachine,
} from './driver.ts';
export { QemuDriver, type QemuOptions } from './qemu/qemu-driver.ts';
