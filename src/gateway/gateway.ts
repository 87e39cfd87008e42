import type { LoginLink } from '../contracts/access.ts';
import { BigboxError } from '../contracts/errors.ts';
import type { Authenticate } from '../http/index.ts';
import { type Clock, systemClock } from '../lib/clock.ts';
import type { ApiKeyRecords, ApprovalRecords, LoginTokenRecords, SessionRecords } from '../store/index.ts';
import { Approvals } from './approvals.ts';
import { createAuthenticator, createFindPrincipal, type FindPrincipal } from './authenticator.ts';
import { createSecret, sessionCookieName } from './credentials.ts';
import { FailureLimit } from './failure-limit.ts';
import { createSessions, type Sessions } from './sessions.ts';

export interface GatewayOptions {
  readonly records: {
    readonly sessions: SessionRecords;
    readonly loginTokens: LoginTokenRecords;
    readonly apiKeys: ApiKeyRecords;
    readonly approvals: ApprovalRecords;
  };
  /** Bearer token among our own processes. */
  readonly serviceKey: string;
  readonly openOnLoopback: boolean;
  /** The address that login links name; asked when one is made, as the port may be known only then. */
  readonly publicUrl: () => string;
  readonly clock?: Clock;
}

/** Who may enter, and what lets them in. */
export interface Gateway {
  readonly authenticate: Authenticate;
  readonly findPrincipal: FindPrincipal;
  readonly sessions: Sessions;
  readonly apiKeys: ApiKeyRecords;
  readonly approvals: Approvals;
  readonly cookieName: string;
  readonly clock: Clock;
  createLoginLink(): Promise<LoginLink>;
  /**
   * Uses a login token up and opens a session. `caller` is whom failures are counted for.
   * Throws LOGIN_TOKEN_INVALID, LIMIT_EXCEEDED.
   */
  logIn(token: string, caller: string): Promise<{ readonly secret: string; readonly expiresAt: number }>;
}

const linkLifetimeMs = 10 * 60_000;

/** Creates the gateway of the agent server, which owns sessions, login tokens and keys. */
export function createGateway(options: GatewayOptions): Gateway {
  const { records, serviceKey, clock = systemClock } = options;
  const sessions = createSessions(records.sessions, clock);
  const findPrincipal = createFindPrincipal({ serviceKey, apiKeys: records.apiKeys, sessions, clock });
  const failures = new FailureLimit(clock);
  return {
    authenticate: createAuthenticator({ serviceKey, findPrincipal, openOnLoopback: options.openOnLoopback }),
    findPrincipal,
    sessions,
    apiKeys: records.apiKeys,
    approvals: new Approvals(records.approvals, clock),
    cookieName: sessionCookieName(serviceKey),
    clock,
    async createLoginLink() {
      const now = clock.now();
      const expiresAt = now + linkLifetimeMs;
      await records.loginTokens.deleteExpired(now);
      const secret = createSecret('');
      await records.loginTokens.create({ secret, now, expiresAt });
      return { url: `${options.publicUrl()}/#login=${secret}`, expires_at: new Date(expiresAt).toISOString() };
    },
    async logIn(token, caller) {
      failures.check(caller);
      if (await records.loginTokens.consume(token, clock.now())) return sessions.open();
      failures.add(caller);
      throw new BigboxError('LOGIN_TOKEN_INVALID', {
        message: 'The login token is unknown, was used before, or is older than ten minutes.',
      });
    },
  };
}
