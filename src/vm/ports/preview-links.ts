import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BigboxError } from '../../contracts/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { replaceFileAtOnce } from '../../lib/files.ts';

/** What a link leads to. */
export interface PreviewTarget {
  readonly vmId: string;
  readonly port: number;
}

const keyBytes = 32;
const pattern = /^(vm-[0-9a-f]+)\.(\d{1,5})\.(\d{1,15})\.([A-Za-z0-9_-]{43})$/;

/** Signs and reads the tokens of preview links: VM, port, end in milliseconds since 1970, and an HMAC-SHA256 over the three. */
export class PreviewLinks {
  readonly #key: Buffer;
  readonly #clock: Clock;

  /** The file holds the key. A new one is made where it holds none: earlier links end with it. */
  constructor(path: string, clock: Clock) {
    this.#key = readOrMakeKey(path);
    this.#clock = clock;
  }

  /** A token that is safe in a path. */
  sign({ vmId, port }: PreviewTarget, lifeMs: number): { readonly token: string; readonly expiresAt: Date } {
    const expiresAt = new Date(this.#clock.now() + lifeMs);
    const text = `${vmId}.${port}.${expiresAt.getTime()}`;
    return { token: `${text}.${this.#mac(text).toString('base64url')}`, expiresAt };
  }

  /** Throws LINK_INVALID for a token that is not ours, or whose time is over. */
  read(token: string): PreviewTarget {
    const [, vmId = '', port = '', end = '', mac = ''] = pattern.exec(token) ?? [];
    const given = Buffer.from(mac, 'base64url');
    const wanted = this.#mac(`${vmId}.${port}.${end}`);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) throw refuse('was not made by this server');
    if (Number(end) <= this.#clock.now()) throw refuse(`ended at ${new Date(Number(end)).toISOString()}`);
    return { vmId, port: Number(port) };
  }

  #mac(text: string): Buffer {
    return createHmac('sha256', this.#key).update(text).digest();
  }
}

const refuse = (how: string): BigboxError => new BigboxError('LINK_INVALID', { message: `This link ${how}.` });

function readOrMakeKey(path: string): Buffer {
  try {
    const key = Buffer.from(readFileSync(path, 'utf8').trim(), 'base64url');
    if (key.length === keyBytes) return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const key = randomBytes(keyBytes);
  replaceFileAtOnce(path, `${key.toString('base64url')}\n`);
  return key;
}
