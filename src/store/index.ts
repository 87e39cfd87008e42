export { openRecords, type Records } from './records.ts';
export type { SessionRecord, SessionRecords } from './sessions.ts';
export type { LoginTokenRecords } from './login-tokens.ts';
export type { ApprovalEnd, ApprovalRecord, ApprovalRecords } from './approvals.ts';
export type { ApiKeyRecord, ApiKeyRecords } from './api-keys.ts';
export type { RunEnd, RunRecords, RunWriter } from './run-records.ts';
export type { NewRun, RunModel, RunRow, StoredRequest } from './run-table.ts';
export type { StepOutcome, StepRow, StepStart, StepSummary } from './step-records.ts';
export type { Watch } from './watch.ts';
