import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { SqliteDatabase, SqliteStatement } from 'kysely';

/**
 * A commit is on the disk before it is acknowledged (`synchronous=FULL`), because what was acknowledged must survive a power cut too,
 * and writers share commits. Only pieces of streamed text and the like do not wait for the disk (see `Urgency`).
 */
const settings = `
  PRAGMA journal_mode = WAL;
  PRAGMA synchronous = FULL;
  PRAGMA foreign_keys = ON;
  PRAGMA busy_timeout = 5000;
`;

const toStatement = (statement: StatementSync): SqliteStatement => ({
  reader: statement.columns().length > 0,
  all: (parameters) => statement.all(...(parameters as readonly SQLInputValue[])),
  run: (parameters) => statement.run(...(parameters as readonly SQLInputValue[])),
  iterate: (parameters) => statement.iterate(...(parameters as readonly SQLInputValue[])),
});

/** Opens an SQLite file (`:memory:` for a private one) in the form that Kysely's SQLite dialect takes; prepared statements are kept. */
export function openSqlite(path: string): SqliteDatabase {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const database = new DatabaseSync(path);
  database.exec(settings);
  const statements = new Map<string, SqliteStatement>();
  return {
    close: () => {
      statements.clear();
      database.close();
    },
    prepare(sql) {
      const known = statements.get(sql);
      if (known !== undefined) return known;
      const statement = toStatement(database.prepare(sql));
      // SQLite carries a pragma out when it is prepared, so one that is kept would do nothing the second time.
      if (!/^\s*pragma/i.test(sql)) statements.set(sql, statement);
      return statement;
    },
  };
}
