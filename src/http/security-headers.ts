import type { FastifyReply } from 'fastify';

/**
 * Policy of pages. Scripts come from this origin only, never inline. Inline styles are allowed because Mantine and Scalar write
 * style elements while they run, and pages are static files that cannot carry a fresh nonce for each answer.
 */
const pagePolicy = (extraScripts: string): string =>
  [
    `default-src 'none'`,
    `script-src 'self'${extraScripts}`,
    `style-src 'self' 'unsafe-inline'`,
    `img-src 'self' data: blob:`,
    `font-src 'self' data:`,
    `connect-src 'self'`,
    `worker-src 'self' blob:`,
    `manifest-src 'self'`,
    `form-action 'self'`,
    `base-uri 'none'`,
    `frame-ancestors 'none'`,
  ].join('; ');

const everywhere = {
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=()',
} as const;

/** Headers of an answer that is data: nothing in it may run, load or be kept. */
export function addSecurityHeaders(reply: FastifyReply): void {
  reply.headers({
    ...everywhere,
    'content-security-policy': `default-src 'none'; frame-ancestors 'none'`,
    'cache-control': 'no-store',
  });
}

/** Replaces the policy of data by that of pages; `scriptHashes` name inline scripts that may run, like `sha256-...`. */
export function addPagePolicy(reply: FastifyReply, scriptHashes: readonly string[] = []): void {
  reply.header('content-security-policy', pagePolicy(scriptHashes.map((hash) => ` '${hash}'`).join('')));
}
