import type { Kysely } from 'kysely';
import type { ApiKeyTable, Schema } from './schema.ts';
import { createRecordId, hashSecret } from './secrets.ts';

export interface ApiKeyRecord {
  readonly id: string;
  readonly name: string;
  readonly createdAt: number;
  readonly lastUsedAt: number | undefined;
  readonly revokedAt: number | undefined;
}

/** API keys. Secrets are taken as the client holds them and kept only as hashes; times are milliseconds since 1970. */
export interface ApiKeyRecords {
  create(key: { readonly secret: string; readonly name: string; readonly now: number }): Promise<ApiKeyRecord>;
  /** The key of a secret, unless it is unknown or revoked. */
  find(secret: string): Promise<ApiKeyRecord | undefined>;
  /** Notes that the key was used. */
  touch(id: string, now: number): Promise<void>;
  /** All keys, oldest first, revoked ones too. */
  list(): Promise<readonly ApiKeyRecord[]>;
  /** Ends a key for good; false when there is no such key or it was revoked before. */
  revoke(id: string, now: number): Promise<boolean>;
}

const toRecord = (row: ApiKeyTable): ApiKeyRecord => ({
  id: row.id,
  name: row.name,
  createdAt: row.created_at,
  lastUsedAt: row.last_used_at ?? undefined,
  revokedAt: row.revoked_at ?? undefined,
});

/** Creates the API keys of a database. */
export function createApiKeyRecords(database: Kysely<Schema>): ApiKeyRecords {
  return {
    async create({ secret, name, now }) {
      const row: ApiKeyTable = {
        id: createRecordId('key'),
        secret_hash: hashSecret(secret),
        name,
        created_at: now,
        last_used_at: null,
        revoked_at: null,
      };
      await database.insertInto('api_keys').values(row).execute();
      return toRecord(row);
    },
    async find(secret) {
      const row = await database
        .selectFrom('api_keys')
        .selectAll()
        .where('secret_hash', '=', hashSecret(secret))
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      return row === undefined ? undefined : toRecord(row);
    },
    async touch(id, now) {
      await database.updateTable('api_keys').set({ last_used_at: now }).where('id', '=', id).execute();
    },
    async list() {
      const rows = await database.selectFrom('api_keys').selectAll().orderBy('created_at').orderBy('id').execute();
      return rows.map(toRecord);
    },
    async revoke(id, now) {
      const { numUpdatedRows } = await database
        .updateTable('api_keys')
        .set({ revoked_at: now })
        .where('id', '=', id)
        .where('revoked_at', 'is', null)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
  };
}
