import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openRecords, type Records } from './records.ts';

let records: Records;
beforeEach(async () => {
  records = await openRecords({ path: ':memory:' });
});
afterEach(() => records.close());

describe('login tokens', () => {
  test('let one of two calls at once through', async () => {
    await records.loginTokens.create({ secret: 'one', now: 0, expiresAt: 10 });
    const outcomes = await Promise.all([records.loginTokens.consume('one', 5), records.loginTokens.consume('one', 5)]);
    expect(outcomes.filter((used) => used)).toHaveLength(1);
  });

  test('are refused when expired or unknown', async () => {
    await records.loginTokens.create({ secret: 'late', now: 0, expiresAt: 10 });
    await expect(records.loginTokens.consume('late', 10)).resolves.toBe(false);
    await expect(records.loginTokens.consume('unknown', 0)).resolves.toBe(false);
  });
});

describe('sessions', () => {
  test('are found by their secret until they end, and live on when touched', async () => {
    const session = await records.sessions.create({ secret: 's', principalId: 'owner', now: 0, expiresAt: 10 });
    await expect(records.sessions.find('s', 9)).resolves.toEqual(session);
    await expect(records.sessions.find('s', 10)).resolves.toBeUndefined();
    await records.sessions.touch(session.id, { now: 9, expiresAt: 20 });
    await expect(records.sessions.find('s', 15)).resolves.toMatchObject({ lastSeenAt: 9, expiresAt: 20 });
    await records.sessions.delete(session.id);
    await expect(records.sessions.find('s', 15)).resolves.toBeUndefined();
  });

  test('that have ended are removed', async () => {
    await records.sessions.create({ secret: 'old', principalId: 'owner', now: 0, expiresAt: 10 });
    await records.sessions.deleteExpired(10);
    await expect(records.sessions.find('old', 5)).resolves.toBeUndefined();
  });
});

describe('api keys', () => {
  test('are found until they are revoked, and stay listed', async () => {
    const key = await records.apiKeys.create({ secret: 'k', name: 'laptop', now: 1 });
    await records.apiKeys.touch(key.id, 2);
    await expect(records.apiKeys.find('k')).resolves.toMatchObject({ name: 'laptop', lastUsedAt: 2 });
    await expect(records.apiKeys.revoke(key.id, 3)).resolves.toBe(true);
    await expect(records.apiKeys.revoke(key.id, 4)).resolves.toBe(false);
    await expect(records.apiKeys.find('k')).resolves.toBeUndefined();
    await expect(records.apiKeys.list()).resolves.toMatchObject([{ id: key.id, revokedAt: 3 }]);
  });
});
