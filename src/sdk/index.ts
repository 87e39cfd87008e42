export { type AgentClient, createAgentClient } from './agents.ts';
export type { FileAddress } from './files.ts';
export type { ConnectionOptions } from './http.ts';
export type { VmFilter } from './machines.ts';
export type { ProcessAddress } from './processes.ts';
export type { AttachEvent, Attachment } from './attachment.ts';
export { type VmClient, createSandbox, createVmClient } from './vms.ts';
export { type TerminalInput, createTerminalInput } from './terminal.ts';
