export { type AgentClient, createAgentClient } from './agents.ts';
export { type ConnectionOptions, send } from './http.ts';
export { type VmClient, createSandbox, createVmClient } from './vms.ts';
