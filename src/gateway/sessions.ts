import type { SessionRecords } from '../store/index.ts';
import type { Clock } from '../lib/clock.ts';
import { createSecret } from './credentials.ts';

const hour = 3_600_000;
/** A session ends after a week without use, and after thirty days in any case. */
const limits = { idleMs: 7 * 24 * hour, absoluteMs: 30 * 24 * hour } as const;
/** Use is written down at most this often. */
const touchEveryMs = 60_000;

/** Browser sessions with their two limits. */
export interface Sessions {
  /** Opens a session; the secret is what the cookie holds. */
  open(): Promise<{ readonly secret: string; readonly expiresAt: number }>;
  /** Whether the secret names a living session; using it moves its idle end. */
  isOpen(secret: string): Promise<boolean>;
  end(secret: string): Promise<void>;
}

/** Creates the sessions on their records. */
export function createSessions(records: SessionRecords, clock: Clock): Sessions {
  return {
    async open() {
      const now = clock.now();
      await records.deleteExpired(now);
      const secret = createSecret('');
      const { expiresAt } = await records.create({
        secret,
        principalId: 'owner',
        now,
        expiresAt: now + limits.idleMs,
      });
      return { secret, expiresAt };
    },
    async isOpen(secret) {
      const now = clock.now();
      const session = await records.find(secret, now);
      if (session === undefined) return false;
      if (now - session.lastSeenAt < touchEveryMs) return true;
      const expiresAt = Math.min(now + limits.idleMs, session.createdAt + limits.absoluteMs);
      await records.touch(session.id, { now, expiresAt });
      return true;
    },
    async end(secret) {
      const session = await records.find(secret, clock.now());
      if (session !== undefined) await records.delete(session.id);
    },
  };
}

/** How long a browser keeps the cookie, in seconds; the server's own limits decide before. */
export const cookieMaxAgeSeconds = limits.absoluteMs / 1000;
