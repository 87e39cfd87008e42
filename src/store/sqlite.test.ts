import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { SqliteDatabase } from 'kysely';
import { openSqlite } from './sqlite.ts';

let database: SqliteDatabase;
beforeEach(() => {
  database = openSqlite(':memory:');
});
afterEach(() => database.close());

const run = (sql: string): void => void database.prepare(sql).run([]);
const level = (): unknown => database.prepare('pragma synchronous').all([]);

describe('openSqlite()', () => {
  test('waits for the disk unless told otherwise, as often as it is told', () => {
    expect(level()).toEqual([{ synchronous: 2 }]);
    for (let round = 0; round < 2; round += 1) {
      run('pragma synchronous = normal');
      expect(level()).toEqual([{ synchronous: 1 }]);
      run('pragma synchronous = full');
      expect(level()).toEqual([{ synchronous: 2 }]);
    }
  });

  test('keeps prepared statements of everything else', () => {
    expect(database.prepare('select 1')).toBe(database.prepare('select 1'));
  });
});
