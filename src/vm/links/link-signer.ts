import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { BigboxError } from '../../contracts/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import { replaceFileAtOnce } from '../../lib/files.ts';

/** What links of one kind are for; one of another kind is refused there. */
export type LinkPurpose = 'preview' | 'file';

export interface SignedLink {
  /** Safe in a path and in a query. */
  readonly token: string;
  readonly expiresAt: Date;
}

export interface LinkContent {
  readonly purpose: LinkPurpose;
  /** Letters, digits, `.`, `_` and `-`. */
  readonly content: string;
}

const keyBytes = 32;
const pattern = /^([A-Za-z0-9_.-]+)\.(\d{1,15})\.([A-Za-z0-9_-]{43})$/;

/** Signs and reads the tokens of links: content, end in milliseconds since 1970, and an HMAC-SHA256 over purpose and both. */
export class LinkSigner {
  readonly #key: Buffer;
  readonly #clock: Clock;

  /** The file holds the key. A new one is made where it holds none: earlier links end with it. */
  constructor(path: string, clock: Clock) {
    this.#key = readOrMakeKey(path);
    this.#clock = clock;
  }

  sign({ purpose, content }: LinkContent, lifeMs: number): SignedLink {
    const expiresAt = new Date(this.#clock.now() + Math.ceil(lifeMs));
    const text = `${content}.${expiresAt.getTime()}`;
    return { token: `${text}.${this.#mac(purpose, text).toString('base64url')}`, expiresAt };
  }

  /** Throws LINK_INVALID for a token that is not ours or for something else, or whose time is over. */
  read(purpose: LinkPurpose, token: string): { readonly content: string; readonly expiresAt: Date } {
    const [, content = '', end = '', mac = ''] = pattern.exec(token) ?? [];
    const given = Buffer.from(mac, 'base64url');
    const wanted = this.#mac(purpose, `${content}.${end}`);
    if (given.length !== wanted.length || !timingSafeEqual(given, wanted))
      throw refuseLink('was not made by this server');
    const expiresAt = new Date(Number(end));
    this.assertTime(expiresAt);
    return { content, expiresAt };
  }

  /** Throws LINK_INVALID where the time of a link is over. */
  assertTime(expiresAt: Date): void {
    if (expiresAt.getTime() <= this.#clock.now()) throw refuseLink(`ended at ${expiresAt.toISOString()}`);
  }

  #mac(purpose: LinkPurpose, text: string): Buffer {
    return createHmac('sha256', this.#key).update(`${purpose}.${text}`).digest();
  }
}

/** LINK_INVALID, with what is wrong about the link. */
export const refuseLink = (how: string): BigboxError =>
  new BigboxError('LINK_INVALID', { message: `This link ${how}.` });

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
