import { randomBytes } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { BigboxError } from '../../contracts/errors.ts';
import { writeFileAtomically } from '../../lib/files.ts';

/** Where the agent server and Restate keep what they own, inside the data directory. */
export const instanceFiles = (dataDir: string) => ({
  serviceKey: join(dataDir, 'secrets', 'service.key'),
  restateIdentity: join(dataDir, 'secrets', 'restate.pem'),
  restateDirectory: join(dataDir, 'restate'),
  database: join(dataDir, 'agents', 'bigbox.sqlite'),
});

/**
 * Gives the bearer token that our own processes and the command line share, creating it when the data directory is new.
 * Throws CONFIG_UNREADABLE when the file holds no key.
 */
export async function ensureServiceKey(dataDir: string): Promise<string> {
  const path = instanceFiles(dataDir).serviceKey;
  await mkdir(join(dataDir, 'secrets'), { recursive: true, mode: 0o700 });
  const key = await readFile(path, 'utf8').catch(async (error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const created = `bbs_${randomBytes(32).toString('base64url')}`;
    await writeFileAtomically(path, `${created}\n`, 0o600);
    return created;
  });
  if (/^\S{20,}$/.test(key.trim())) return key.trim();
  throw new BigboxError('CONFIG_UNREADABLE', {
    message: `${path} does not hold a key of at least 20 characters.`,
    context: { path },
    remedy: 'Remove the file and start again; a new key is made.',
  });
}
