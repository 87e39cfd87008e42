import type { Kysely } from 'kysely';
import { type Migration, Migrator } from 'kysely/migration';
import { BigboxError } from '../contracts/errors.ts';

const first: Migration = {
  async up(database: Kysely<unknown>): Promise<void> {
    await createRunTables(database);
    await createAccessTables(database);
  },
};

const approvals: Migration = {
  async up({ schema }: Kysely<unknown>): Promise<void> {
    await schema
      .createTable('approvals')
      .addColumn('id', 'text', (column) => column.primaryKey())
      .addColumn('state', 'text', (column) => column.notNull())
      .addColumn('hook', 'text', (column) => column.notNull())
      .addColumn('reason', 'text', (column) => column.notNull())
      .addColumn('agent_id', 'text', (column) => column.notNull())
      .addColumn('vm_id', 'text')
      .addColumn('language', 'text', (column) => column.notNull())
      .addColumn('code', 'text', (column) => column.notNull())
      .addColumn('created_at', 'integer', (column) => column.notNull())
      .addColumn('expires_at', 'integer', (column) => column.notNull())
      .addColumn('decided_at', 'integer')
      .addColumn('comment', 'text')
      .addColumn('approved_code', 'text')
      .execute();
    await schema.createIndex('approvals_by_state').on('approvals').columns(['state', 'created_at']).execute();
  },
};

async function createRunTables(database: Kysely<unknown>): Promise<void> {
  const { schema } = database;
  await schema
    .createTable('runs')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('pattern', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('request', 'text', (column) => column.notNull())
    .addColumn('body_hash', 'text', (column) => column.notNull())
    .addColumn('client', 'text', (column) => column.notNull())
    .addColumn('idempotency_key', 'text')
    .addColumn('may_name_address', 'integer', (column) => column.notNull())
    .addColumn('model', 'text')
    .addColumn('steps_total', 'integer', (column) => column.notNull())
    .addColumn('accepted_at', 'integer', (column) => column.notNull())
    .addColumn('finished_at', 'integer')
    .addColumn('result', 'text')
    .addColumn('error', 'text')
    .execute();
  await schema.createIndex('runs_by_time').on('runs').columns(['accepted_at', 'id']).execute();
  await schema.createIndex('runs_by_state').on('runs').columns(['state', 'accepted_at']).execute();
  await schema.createIndex('runs_by_key').on('runs').columns(['client', 'idempotency_key']).execute();
  await schema
    .createTable('events')
    .addColumn('position', 'integer', (column) => column.primaryKey().autoIncrement())
    .addColumn('run_id', 'text', (column) => column.notNull().references('runs.id'))
    .addColumn('sequence', 'integer', (column) => column.notNull())
    .addColumn('at', 'integer', (column) => column.notNull())
    .addColumn('body', 'text', (column) => column.notNull())
    .addUniqueConstraint('events_by_sequence', ['run_id', 'sequence'])
    .execute();
  await schema
    .createTable('steps')
    .addColumn('run_id', 'text', (column) => column.notNull().references('runs.id'))
    .addColumn('path', 'text', (column) => column.notNull())
    .addColumn('agent', 'text', (column) => column.notNull())
    .addColumn('kind', 'text', (column) => column.notNull())
    .addColumn('input_hash', 'text', (column) => column.notNull())
    .addColumn('state', 'text', (column) => column.notNull())
    .addColumn('attempts', 'integer', (column) => column.notNull())
    .addColumn('repeats', 'integer', (column) => column.notNull())
    .addColumn('result', 'text')
    .addColumn('error', 'text')
    .addColumn('input_tokens', 'integer')
    .addColumn('output_tokens', 'integer')
    .addColumn('duration_ms', 'real')
    .addColumn('started_at', 'integer', (column) => column.notNull())
    .addColumn('finished_at', 'integer')
    .addPrimaryKeyConstraint('steps_primary', ['run_id', 'path'])
    .execute();
}

async function createAccessTables(database: Kysely<unknown>): Promise<void> {
  const { schema } = database;
  await schema
    .createTable('sessions')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('secret_hash', 'text', (column) => column.notNull().unique())
    .addColumn('principal_id', 'text', (column) => column.notNull())
    .addColumn('created_at', 'integer', (column) => column.notNull())
    .addColumn('last_seen_at', 'integer', (column) => column.notNull())
    .addColumn('expires_at', 'integer', (column) => column.notNull())
    .execute();
  await schema
    .createTable('login_tokens')
    .addColumn('secret_hash', 'text', (column) => column.primaryKey())
    .addColumn('created_at', 'integer', (column) => column.notNull())
    .addColumn('expires_at', 'integer', (column) => column.notNull())
    .addColumn('used_at', 'integer')
    .execute();
  await schema
    .createTable('api_keys')
    .addColumn('id', 'text', (column) => column.primaryKey())
    .addColumn('secret_hash', 'text', (column) => column.notNull().unique())
    .addColumn('name', 'text', (column) => column.notNull())
    .addColumn('created_at', 'integer', (column) => column.notNull())
    .addColumn('last_used_at', 'integer')
    .addColumn('revoked_at', 'integer')
    .execute();
}

/** Brings the tables to the newest form. Throws INTERNAL when a migration fails; nothing of it is kept then. */
export async function migrate<TSchema>(database: Kysely<TSchema>): Promise<void> {
  const migrator = new Migrator({
    db: database,
    provider: { getMigrations: () => Promise.resolve({ '0001-first-light': first, '0002-approvals': approvals }) },
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined)
    throw new BigboxError('INTERNAL', {
      message: 'The database could not be brought to the present form.',
      cause: error,
    });
}
