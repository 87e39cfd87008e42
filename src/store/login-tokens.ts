import type { Kysely } from 'kysely';
import type { Schema } from './schema.ts';
import { hashSecret } from './secrets.ts';

/** Login tokens: each can be used once and only before its end. Kept as hashes; times are milliseconds since 1970. */
export interface LoginTokenRecords {
  create(token: { readonly secret: string; readonly now: number; readonly expiresAt: number }): Promise<void>;
  /** Uses a token up; false when it is unknown, was used before or has expired. Of two calls at once only one gets true. */
  consume(secret: string, now: number): Promise<boolean>;
  deleteExpired(now: number): Promise<void>;
}

/** Creates the login tokens of a database. */
export function createLoginTokenRecords(database: Kysely<Schema>): LoginTokenRecords {
  return {
    async create({ secret, now, expiresAt }) {
      await database
        .insertInto('login_tokens')
        .values({ secret_hash: hashSecret(secret), created_at: now, expires_at: expiresAt, used_at: null })
        .execute();
    },
    async consume(secret, now) {
      const { numUpdatedRows } = await database
        .updateTable('login_tokens')
        .set({ used_at: now })
        .where('secret_hash', '=', hashSecret(secret))
        .where('used_at', 'is', null)
        .where('expires_at', '>', now)
        .executeTakeFirst();
      return numUpdatedRows === 1n;
    },
    async deleteExpired(now) {
      await database.deleteFrom('login_tokens').where('expires_at', '<=', now).execute();
    },
  };
}
