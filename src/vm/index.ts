export type { NamedVm } from './named-vms.ts';
export type { VmImage } from './vm-image.ts';
export { VmService } from './vm-service.ts';
export { templateName } from './vm-types.ts';
