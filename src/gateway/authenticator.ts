import type { Principal } from '../contracts/principal.ts';
import type { Authenticate } from '../http/index.ts';
import type { Clock } from '../lib/clock.ts';
import type { ApiKeyRecords } from '../store/index.ts';
import { bearerOf, equalSecrets, isFromThisMachine, sessionCookieName } from './credentials.ts';
import type { Sessions } from './sessions.ts';

interface Proof {
  readonly bearer?: string | undefined;
  readonly session?: string | undefined;
}

/** Says whom a proof names; undefined for none. */
export type FindPrincipal = (proof: Proof) => Promise<Principal | undefined>;

export interface PrincipalSources {
  readonly serviceKey: string;
  readonly apiKeys: ApiKeyRecords;
  readonly sessions: Sessions;
  readonly clock: Clock;
}

export const servicePrincipal: Principal = { kind: 'service', via: 'service-key', id: 'service' };
const loopbackPrincipal: Principal = { kind: 'owner', via: 'loopback', id: 'loopback' };

/** Use of a key is written down at most this often. */
const touchEveryMs = 60_000;

/** Creates the lookup of principals. A bearer token that is wrong is not saved by a good cookie. */
export function createFindPrincipal({ serviceKey, apiKeys, sessions, clock }: PrincipalSources): FindPrincipal {
  const byKey = async (bearer: string): Promise<Principal | undefined> => {
    if (equalSecrets(bearer, serviceKey)) return servicePrincipal;
    const key = await apiKeys.find(bearer);
    if (key === undefined) return undefined;
    const now = clock.now();
    if (now - (key.lastUsedAt ?? 0) >= touchEveryMs) await apiKeys.touch(key.id, now);
    return { kind: 'owner', via: 'api-key', id: key.id };
  };
  return async ({ bearer, session }) => {
    if (bearer !== undefined) return byKey(bearer);
    if (session === undefined || !(await sessions.isOpen(session))) return undefined;
    return { kind: 'owner', via: 'session', id: 'owner' };
  };
}

export interface AuthenticatorOptions {
  readonly serviceKey: string;
  readonly findPrincipal: FindPrincipal;
  /** Let calls from this machine pass without proof. */
  readonly openOnLoopback: boolean;
}

/** Creates what the server asks on every request: bearer token, else session cookie, else, where open, this machine itself. */
export function createAuthenticator({ serviceKey, findPrincipal, openOnLoopback }: AuthenticatorOptions): Authenticate {
  const cookieName = sessionCookieName(serviceKey);
  return async (request) => {
    const bearer = bearerOf(request);
    const session = request.cookies[cookieName];
    const principal = await findPrincipal({ bearer, session });
    if (principal !== undefined) return principal;
    const offersNothing = request.headers.authorization === undefined;
    return openOnLoopback && offersNothing && isFromThisMachine(request) ? loopbackPrincipal : undefined;
  };
}
