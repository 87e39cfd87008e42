import { BigboxError } from '../contracts/errors.ts';
import type { Principal } from '../contracts/principal.ts';

/** Whether the caller may name a model address that is not configured. Not without proof: the server would fetch from it. */
export const mayNameModelAddress = ({ via }: Principal): boolean => via !== 'loopback';

/** Throws FORBIDDEN unless the caller may hand out access: keys and login links outlive an open door. */
export function requireAccessManager({ via }: Principal): void {
  if (via !== 'loopback') return;
  throw new BigboxError('FORBIDDEN', {
    message:
      'Keys and login links are not given to callers without a key, also where calls from this machine are open.',
    remedy: 'Use bigbox key create or bigbox login-link on this machine.',
  });
}

/** Throws FORBIDDEN unless the caller has proof of being the owner: an open door approves nothing. */
export function requireApprover({ via }: Principal): void {
  if (via !== 'loopback') return;
  throw new BigboxError('FORBIDDEN', {
    message: 'Code is not approved without a session or a key, also where calls from this machine are open.',
    remedy: 'Open a login link, or use bigbox approvals on this machine.',
  });
}

/** Throws FORBIDDEN unless the caller is one of our own processes. */
export function requireService({ via }: Principal): void {
  if (via === 'service-key') return;
  throw new BigboxError('FORBIDDEN', { message: "Only Bigbox's own processes may ask this." });
}
