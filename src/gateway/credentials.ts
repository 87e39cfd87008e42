import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { isIP } from 'node:net';
import type { FastifyRequest } from 'fastify';

/** Creates a secret of 256 random bits behind a prefix. */
export const createSecret = (prefix: string): string => `${prefix}${randomBytes(32).toString('base64url')}`;

/** A digest to look secrets up by without keeping them. */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('base64url');

/** Compares secrets in a time that says nothing about where they differ. */
export function equalSecrets(left: string, right: string): boolean {
  const [a, b] = [left, right].map((text) => createHash('sha256').update(text).digest());
  return a !== undefined && b !== undefined && timingSafeEqual(a, b);
}

/** The name of the session cookie: it carries the instance, because cookies ignore ports. Derived, never the key itself. */
export const sessionCookieName = (serviceKey: string): string =>
  `bigbox_${createHash('sha256').update(`cookie:${serviceKey}`).digest('hex').slice(0, 12)}`;

/** The bearer token of a request, if it carries one. */
export function bearerOf(request: FastifyRequest): string | undefined {
  const match = /^Bearer +(\S{1,500})$/i.exec(request.headers.authorization ?? '');
  return match?.[1];
}

const loopbackHost = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i;

/**
 * Whether a request comes from this machine itself: not through a proxy on it, and by a loopback name. The server's Origin check has
 * already refused pages of other origins.
 */
export function isFromThisMachine(request: FastifyRequest): boolean {
  const { remoteAddress = '' } = request.socket;
  const address = remoteAddress.replace(/^::ffff:/, '');
  const isLoopback = isIP(address) === 4 ? address.startsWith('127.') : address === '::1';
  const isForwarded = ['forwarded', 'x-forwarded-for', 'x-forwarded-host', 'via'].some(
    (name) => request.headers[name] !== undefined,
  );
  return isLoopback && !isForwarded && loopbackHost.test(request.headers.host ?? '');
}
