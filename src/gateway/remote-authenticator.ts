import { VerifyAnswer } from '../contracts/access.ts';
import { BigboxError } from '../contracts/errors.ts';
import type { Principal } from '../contracts/principal.ts';
import type { Authenticate } from '../http/index.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import { createAuthenticator, type FindPrincipal, servicePrincipal } from './authenticator.ts';
import { digestOf, equalSecrets } from './credentials.ts';

export interface RemoteAuthenticatorOptions {
  readonly serviceKey: string;
  /** Address of the agent server's `/api/v1/auth/verify`. */
  readonly verifyUrl: string;
  readonly openOnLoopback?: boolean;
  readonly clock?: Clock;
}

interface Remembered {
  readonly principal: Principal | undefined;
  readonly until: number;
}

const rememberMs = 5000;
const maxRemembered = 1000;

/**
 * Creates the authenticator of the VM service: the service key it knows itself, about every other proof it asks the agent server
 * and remembers the answer for five seconds. Where the agent server does not answer nobody passes: SERVICE_NOT_RUNNING.
 */
export function createRemoteAuthenticator(options: RemoteAuthenticatorOptions): Authenticate {
  const { serviceKey, verifyUrl, clock = systemClock } = options;
  const remembered = new Map<string, Remembered>();
  const findPrincipal: FindPrincipal = async ({ bearer, session }) => {
    if (bearer !== undefined && equalSecrets(bearer, serviceKey)) return servicePrincipal;
    if (bearer === undefined && session === undefined) return undefined;
    const proof = bearer === undefined ? { session } : { bearer };
    const digest = digestOf(JSON.stringify(proof));
    const known = remembered.get(digest);
    const now = clock.monotonic();
    if (known !== undefined && known.until > now) return known.principal;
    const principal = await ask(verifyUrl, serviceKey, proof);
    if (remembered.size >= maxRemembered) remembered.clear();
    remembered.set(digest, { principal, until: now + rememberMs });
    return principal;
  };
  return createAuthenticator({ serviceKey, findPrincipal, openOnLoopback: options.openOnLoopback ?? false });
}

async function ask(url: string, serviceKey: string, proof: object): Promise<Principal | undefined> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { authorization: `Bearer ${serviceKey}`, 'content-type': 'application/json' },
      body: JSON.stringify(proof),
      redirect: 'error',
      signal: AbortSignal.timeout(5000),
    });
    if (!response.ok) throw new Error(`The agent server answered with status ${response.status}.`);
    return VerifyAnswer.parse(await response.json()).principal ?? undefined;
  } catch (error) {
    throw new BigboxError('SERVICE_NOT_RUNNING', {
      message: 'The agent server, which knows the keys and sessions, does not answer.',
      cause: error,
    });
  }
}
