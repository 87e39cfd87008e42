import type { Kysely } from 'kysely';
import type { Schema, SessionTable } from './schema.ts';
import { createRecordId, hashSecret } from './secrets.ts';

export interface SessionRecord {
  readonly id: string;
  readonly principalId: string;
  readonly createdAt: number;
  readonly lastSeenAt: number;
  readonly expiresAt: number;
}

/** Browser sessions. Secrets are taken as the client holds them and kept only as hashes; times are milliseconds since 1970. */
export interface SessionRecords {
  create(session: {
    readonly secret: string;
    readonly principalId: string;
    readonly now: number;
    readonly expiresAt: number;
  }): Promise<SessionRecord>;
  /** The session of a secret, unless it is unknown or has expired. */
  find(secret: string, now: number): Promise<SessionRecord | undefined>;
  /** Notes that the session is in use and moves its end. */
  touch(id: string, times: { readonly now: number; readonly expiresAt: number }): Promise<void>;
  delete(id: string): Promise<void>;
  deleteExpired(now: number): Promise<void>;
}

const toRecord = (row: SessionTable): SessionRecord => ({
  id: row.id,
  principalId: row.principal_id,
  createdAt: row.created_at,
  lastSeenAt: row.last_seen_at,
  expiresAt: row.expires_at,
});

/** Creates the sessions of a database. */
export function createSessionRecords(database: Kysely<Schema>): SessionRecords {
  return {
    async create({ secret, principalId, now, expiresAt }) {
      const row: SessionTable = {
        id: createRecordId('session'),
        secret_hash: hashSecret(secret),
        principal_id: principalId,
        created_at: now,
        last_seen_at: now,
        expires_at: expiresAt,
      };
      await database.insertInto('sessions').values(row).execute();
      return toRecord(row);
    },
    async find(secret, now) {
      const row = await database
        .selectFrom('sessions')
        .selectAll()
        .where('secret_hash', '=', hashSecret(secret))
        .where('expires_at', '>', now)
        .executeTakeFirst();
      return row === undefined ? undefined : toRecord(row);
    },
    async touch(id, { now, expiresAt }) {
      await database
        .updateTable('sessions')
        .set({ last_seen_at: now, expires_at: expiresAt })
        .where('id', '=', id)
        .execute();
    },
    async delete(id) {
      await database.deleteFrom('sessions').where('id', '=', id).execute();
    },
    async deleteExpired(now) {
      await database.deleteFrom('sessions').where('expires_at', '<=', now).execute();
    },
  };
}
