export type { NamedVm } from './named-vm.ts';
export type { VmImage } from './vm-image.ts';
export { selectVms } from './vm-list.ts';
export { VmService } from './vm-service.ts';
export { templateName } from './vm-types.ts';
