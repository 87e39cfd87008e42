import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ensureIdentityKey, toBase58 } from './identity.ts';

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'bigbox-identity-'));
});
afterEach(() => rm(directory, { recursive: true }));

describe('ensureIdentityKey()', () => {
  test('makes a private key that only the owner can read, and keeps it', async () => {
    const path = join(directory, 'keys', 'identity.pem');
    const first = await ensureIdentityKey(path);
    const pem = await readFile(path, 'utf8');
    expect(pem).toContain('BEGIN PRIVATE KEY');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    await expect(ensureIdentityKey(path)).resolves.toBe(first);
    await expect(readFile(path, 'utf8')).resolves.toBe(pem);
  });

  test('refuses a file that holds something else', async () => {
    const path = join(directory, 'identity.pem');
    await writeFile(path, 'not a key');
    await expect(ensureIdentityKey(path)).rejects.toMatchObject({ code: 'CONFIG_UNREADABLE' });
  });
});

describe('toBase58()', () => {
  test('writes the known examples', () => {
    expect(toBase58(Buffer.from('Hello World!'))).toBe('2NEpo7TZRRrLZSi2U');
    expect(toBase58(Buffer.from('0000287fb4cd', 'hex'))).toBe('11233QC4');
    expect(toBase58(Buffer.alloc(2))).toBe('11');
  });
});
