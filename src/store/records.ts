import { Kysely, SqliteDialect } from 'kysely';
import { type ApprovalRecords, createApprovalRecords } from './approvals.ts';
import { type ApiKeyRecords, createApiKeyRecords } from './api-keys.ts';
import { type LoginTokenRecords, createLoginTokenRecords } from './login-tokens.ts';
import { migrate } from './migrations.ts';
import { type RunRecords, createRunRecords } from './run-records.ts';
import type { Schema } from './schema.ts';
import { type SessionRecords, createSessionRecords } from './sessions.ts';
import { openSqlite } from './sqlite.ts';

/** Everything that the agent server remembers. One process writes it. */
export interface Records {
  readonly runs: RunRecords;
  readonly sessions: SessionRecords;
  readonly loginTokens: LoginTokenRecords;
  readonly apiKeys: ApiKeyRecords;
  readonly approvals: ApprovalRecords;
  /** Writes what is waiting and closes the database. */
  close(): Promise<void>;
}

/** Opens the records in an SQLite file, creating or upgrading its tables. `:memory:` gives records that end with the process. */
export async function openRecords(options: { readonly path: string }): Promise<Records> {
  const database = new Kysely<Schema>({ dialect: new SqliteDialect({ database: openSqlite(options.path) }) });
  try {
    await migrate(database);
  } catch (error) {
    await database.destroy();
    throw error;
  }
  const runs = createRunRecords(database);
  return {
    runs,
    sessions: createSessionRecords(database),
    loginTokens: createLoginTokenRecords(database),
    apiKeys: createApiKeyRecords(database),
    approvals: createApprovalRecords(database),
    async close() {
      await runs.flush();
      await database.destroy();
    },
  };
}
