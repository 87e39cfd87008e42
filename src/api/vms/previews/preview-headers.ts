import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';

/** Of RFC 9110, 7.6.1: they belong to one connection, not to what is passed on. */
const ofConnection = ['connection', 'keep-alive', 'proxy-connection', 'te', 'trailer', 'transfer-encoding', 'upgrade'];
/** What the owner's browser or program proves itself with is nobody's in a VM. */
const secrets = ['cookie', 'authorization', 'proxy-authorization', 'x-api-key'];
/** A program in a VM sets nothing for the origin that the preview is on. */
const forOrigin = [
  'set-cookie',
  'set-cookie2',
  'clear-site-data',
  'strict-transport-security',
  'service-worker-allowed',
  'alt-svc',
];

/** The page runs in an origin of its own that nothing else has: it reads no storage, and calls nothing with the owner's session. */
const sandbox = 'sandbox allow-scripts allow-forms allow-popups allow-modals allow-downloads';

const without = (headers: IncomingHttpHeaders, names: readonly string[]): OutgoingHttpHeaders => {
  const named = (headers.connection ?? '')
    .toLowerCase()
    .split(',')
    .map((name) => name.trim());
  const left = new Set([...ofConnection, ...names, ...named]);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !left.has(name)));
};

/** Where a preview is, as the outside sees it. */
export interface PreviewPlace {
  /** The port in the VM. */
  readonly port: number;
  /** What stands before the program's own paths, without a slash at its end. */
  readonly prefix: string;
}

/** The headers of a request as a program in a VM gets them. */
export function toGuestHeaders(headers: IncomingHttpHeaders, { port, prefix }: PreviewPlace): OutgoingHttpHeaders {
  const { host = '', upgrade } = headers;
  return {
    ...without(headers, secrets),
    host: `localhost:${port}`,
    'x-forwarded-host': host,
    'x-forwarded-proto': 'http',
    'x-forwarded-prefix': prefix,
    ...(upgrade === undefined ? { connection: 'close' } : { connection: 'upgrade', upgrade }),
  };
}

/** The headers of an answer as a browser gets them. */
export function toBrowserHeaders(headers: IncomingHttpHeaders, { port, prefix }: PreviewPlace): OutgoingHttpHeaders {
  const { location, upgrade, 'content-security-policy': policy } = headers;
  return {
    ...without(headers, forOrigin),
    ...(location === undefined ? {} : { location: toOutside(location, port, prefix) }),
    ...(upgrade === undefined ? {} : { connection: 'upgrade', upgrade }),
    'content-security-policy': [policy ?? [], sandbox].flat().join(', '),
    // The page's origin is none, so that even its own files are of another one. The link is the permission.
    'access-control-allow-origin': '*',
    'referrer-policy': 'no-referrer',
    'x-robots-tag': 'noindex',
  };
}

/** Programs redirect to paths of their own. */
function toOutside(location: string, port: number, prefix: string): string {
  const own = new RegExp(`^https?://(localhost|127\\.0\\.0\\.1):${port}(?=/|$)`);
  const path = location.replace(own, '');
  return path.startsWith('//') || !(path.startsWith('/') || path === '')
    ? location
    : `${prefix}${path === '' ? '/' : path}`;
}
