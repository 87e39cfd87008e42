import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { BigboxError } from '../../contracts/errors.ts';
import { writeFileAtomically } from '../../lib/files.ts';

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz';

/** Base58 as Bitcoin writes it: leading zero bytes become leading ones. */
export function toBase58(bytes: Uint8Array): string {
  let value = bytes.reduce((all, byte) => all * 256n + BigInt(byte), 0n);
  let text = '';
  for (; value > 0n; value /= 58n) text = `${alphabet[Number(value % 58n)]}${text}`;
  const zeros = bytes.findIndex((byte) => byte !== 0);
  return '1'.repeat(zeros === -1 ? bytes.length : zeros) + text;
}

/**
 * Makes sure that the key exists with which Restate signs its requests to the worker (an ed25519 PEM file, mode 0600), and gives
 * its public half in the form that the worker checks against. Throws CONFIG_UNREADABLE when the file holds something else.
 */
export async function ensureIdentityKey(path: string): Promise<string> {
  const pem = await readFile(path, 'utf8').catch(async (error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    const created = generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    await writeFileAtomically(path, created, 0o600);
    return created;
  });
  return `publickeyv1_${toBase58(readPublicKey(pem, path))}`;
}

function readPublicKey(pem: string, path: string): Uint8Array {
  try {
    const { x } = createPublicKey(createPrivateKey(pem)).export({ format: 'jwk' });
    if (x === undefined) throw new Error('not an ed25519 key');
    return Buffer.from(x, 'base64url');
  } catch (error) {
    throw new BigboxError('CONFIG_UNREADABLE', {
      message: `${path} does not hold an ed25519 private key in PEM form.`,
      context: { path },
      remedy: 'Remove the file; it is made anew at the next start.',
      cause: error,
    });
  }
}
