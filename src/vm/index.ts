export type { CodePolicy } from './code-policy.ts';
export type { NamedVm } from './named-vms.ts';
export type { PoolStats } from './pool.ts';
export type { VmImage } from './vm-image.ts';
export { VmService, type VmLimits, type VmServiceOptions } from './vm-service.ts';
export { resolveType, templateName, typeAliases } from './vm-types.ts';
