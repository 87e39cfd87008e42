export type { NamedVm } from './named/named-vm.ts';
export type { GuestProcess, ProcessProgram } from './processes/guest-process.ts';
export type { OutputReport } from './processes/process-output.ts';
export type { ProcessName } from './processes/processes.ts';
export type { VmImage } from './pool/vm-image.ts';
export type { KeptSnapshot } from './snapshots/snapshots.ts';
export { selectVms } from './named/vm-list.ts';
export { VmService, type VmServiceOptions } from './vm-service.ts';
export { templateName } from './pool/vm-types.ts';
