/** The tables as Kysely sees them. Times are milliseconds since 1970, JSON is text. */
export interface Schema {
  readonly runs: RunTable;
  readonly events: EventTable;
  readonly steps: StepTable;
  readonly sessions: SessionTable;
  readonly login_tokens: LoginTokenTable;
  readonly api_keys: ApiKeyTable;
  readonly approvals: ApprovalTable;
}

export interface RunTable {
  id: string;
  pattern: string;
  state: string;
  /** The request with all defaults filled in. */
  request: string;
  /** Hash of what the client sent, to recognise a repeated post. */
  body_hash: string;
  client: string;
  idempotency_key: string | null;
  may_name_address: number;
  model: string | null;
  steps_total: number;
  accepted_at: number;
  finished_at: number | null;
  result: string | null;
  error: string | null;
}

export interface EventTable {
  /** Order over all runs, for readers that follow every run. */
  position?: number;
  run_id: string;
  sequence: number;
  at: number;
  body: string;
}

export interface StepTable {
  run_id: string;
  path: string;
  agent: string;
  kind: string;
  input_hash: string;
  state: string;
  attempts: number;
  /** Attempts that were in flight when a process died. */
  repeats: number;
  result: string | null;
  error: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  duration_ms: number | null;
  started_at: number;
  finished_at: number | null;
}

export interface SessionTable {
  id: string;
  secret_hash: string;
  principal_id: string;
  created_at: number;
  last_seen_at: number;
  expires_at: number;
}

export interface LoginTokenTable {
  secret_hash: string;
  created_at: number;
  expires_at: number;
  used_at: number | null;
}

export interface ApiKeyTable {
  id: string;
  secret_hash: string;
  name: string;
  created_at: number;
  last_used_at: number | null;
  revoked_at: number | null;
}

export interface ApprovalTable {
  id: string;
  state: string;
  hook: string;
  reason: string;
  agent_id: string;
  vm_id: string | null;
  language: string;
  code: string;
  created_at: number;
  expires_at: number;
  decided_at: number | null;
  comment: string | null;
  approved_code: string | null;
}
