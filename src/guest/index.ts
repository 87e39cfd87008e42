export type { Client } from '@connectrpc/connect';
export { connectGuest, type GuestConnection } from './connect.ts';
export { Agent, ChangeKind, Ending, FileKind } from './generated/agent/v1/agent_pb.js';
export type * from './generated/agent/v1/agent_pb.js';
