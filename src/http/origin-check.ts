import type { FastifyReply, FastifyRequest } from 'fastify';
import { BigboxError } from '../contracts/errors.ts';

const corsMethods = 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS';
const corsHeaders = 'Authorization, Content-Type, Prefer, Idempotency-Key, Last-Event-ID';

const isOwnOrigin = (origin: string, host: string | undefined): boolean =>
  host !== undefined && (origin === `http://${host}` || origin === `https://${host}`);

const isPageNavigation = (request: FastifyRequest): boolean =>
  request.routeOptions.config.page === true &&
  request.headers['sec-fetch-mode'] === 'navigate' &&
  request.headers['sec-fetch-dest'] === 'document';

function refuse(origin: string): never {
  throw new BigboxError('FORBIDDEN_ORIGIN', {
    message: `A page of ${origin} may not call this server.`,
    context: { origin },
  });
}

/**
 * Creates the check that only our own pages and the allow list call from a browser, for plain requests and WebSocket
 * upgrades alike. Programs send no Origin and pass. The check throws FORBIDDEN_ORIGIN.
 */
export function createOriginCheck(allowedOrigins: readonly string[]): (request: FastifyRequest) => void {
  const allowed = new Set(allowedOrigins.map((origin) => origin.toLowerCase().replace(/\/$/, '')));
  return (request) => {
    const origin = request.headers.origin?.toLowerCase();
    if (origin !== undefined) {
      if (isOwnOrigin(origin, request.headers.host?.toLowerCase()) || allowed.has(origin)) return;
      refuse(origin.slice(0, 200));
    }
    // Images, scripts and forms of other pages send no Origin with GET, but say where they come from.
    const site = request.headers['sec-fetch-site'];
    if ((site === 'cross-site' || site === 'same-site') && !isPageNavigation(request)) refuse('another site');
  };
}

/**
 * Adds the CORS headers for pages of the allow list. Call it after the origin check: an Origin that is not our own is on the
 * list then.
 */
export function addCorsHeaders(request: FastifyRequest, reply: FastifyReply): void {
  const origin = request.headers.origin;
  if (origin === undefined || isOwnOrigin(origin.toLowerCase(), request.headers.host?.toLowerCase())) return;
  reply.headers({
    'access-control-allow-origin': origin,
    'access-control-allow-credentials': 'true',
    'access-control-expose-headers': 'Location, X-Request-Id, Retry-After',
    vary: 'Origin',
  });
  if (request.method !== 'OPTIONS') return;
  reply.headers({
    'access-control-allow-methods': corsMethods,
    'access-control-allow-headers': corsHeaders,
    'access-control-max-age': '600',
  });
}
