import type { Kysely } from 'kysely';
import type { ApprovalState } from '../contracts/approvals.ts';
import type { ApprovalTable, Schema } from './schema.ts';
import { createRecordId } from './secrets.ts';

export interface ApprovalRecord {
  readonly id: string;
  readonly state: ApprovalState;
  readonly hook: string;
  readonly reason: string;
  readonly agentId: string;
  readonly vmId: string | undefined;
  readonly language: string;
  readonly code: string;
  readonly createdAt: number;
  readonly expiresAt: number;
  readonly decidedAt: number | undefined;
  readonly comment: string | undefined;
  readonly approvedCode: string | undefined;
}

export type NewApproval = Pick<
  ApprovalRecord,
  'hook' | 'reason' | 'agentId' | 'vmId' | 'language' | 'code' | 'createdAt' | 'expiresAt'
>;

export type ApprovalEnd = Pick<ApprovalRecord, 'decidedAt' | 'comment' | 'approvedCode'> & {
  readonly state: Exclude<ApprovalState, 'waiting'>;
};

/** Questions to a person and their answers. Times are milliseconds since 1970. */
export interface ApprovalRecords {
  create(approval: NewApproval): Promise<ApprovalRecord>;
  find(id: string): Promise<ApprovalRecord | undefined>;
  /** The latest first. */
  list(options: { readonly state?: ApprovalState; readonly limit: number }): Promise<readonly ApprovalRecord[]>;
  /** Ends one that waits; false where it does not wait any more. Of two calls at once only one gets true. */
  end(id: string, end: ApprovalEnd): Promise<boolean>;
  /** Ends all that waited until their time was over. */
  expire(now: number): Promise<void>;
}

const toRecord = (row: ApprovalTable): ApprovalRecord => ({
  id: row.id,
  state: row.state as ApprovalState,
  hook: row.hook,
  reason: row.reason,
  agentId: row.agent_id,
  vmId: row.vm_id ?? undefined,
  language: row.language,
  code: row.code,
  createdAt: row.created_at,
  expiresAt: row.expires_at,
  decidedAt: row.decided_at ?? undefined,
  comment: row.comment ?? undefined,
  approvedCode: row.approved_code ?? undefined,
});

/** Creates the approvals of a database. */
export function createApprovalRecords(database: Kysely<Schema>): ApprovalRecords {
  return {
    async create({ hook, reason, agentId, vmId, language, code, createdAt, expiresAt }) {
      const row: ApprovalTable = {
        id: createRecordId('approval'),
        state: 'waiting',
        hook,
        reason,
        agent_id: agentId,
        vm_id: vmId ?? null,
        language,
        code,
        created_at: createdAt,
        expires_at: expiresAt,
        decided_at: null,
        comment: null,
        approved_code: null,
      };
      await database.insertInto('approvals').values(row).execute();
      return toRecord(row);
    },
    async find(id) {
      const row = await database.selectFrom('approvals').selectAll().where('id', '=', id).executeTakeFirst();
      return row === undefined ? undefined : toRecord(row);
    },
    async list({ state, limit }) {
      const all = database.selectFrom('approvals').selectAll();
      const wanted = state === undefined ? all : all.where('state', '=', state);
      const rows = await wanted.orderBy('created_at', 'desc').orderBy('id').limit(limit).execute();
      return rows.map(toRecord);
    },
    async end(id, { state, decidedAt, comment, approvedCode }) {
      const { numUpdatedRows } = await database
        .updateTable('approvals')
        .set({ state, decided_at: decidedAt ?? null, comment: comment ?? null, approved_code: approvedCode ?? null })
        .where('id', '=', id)
        .where('state', '=', 'waiting')
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async expire(now) {
      await database
        .updateTable('approvals')
        .set({ state: 'expired' })
        .where('state', '=', 'waiting')
        .where('expires_at', '<=', now)
        .execute();
    },
  };
}
