import type { Approval, ApprovalDecision, ApprovalRequest, ApprovalState } from '../contracts/approvals.ts';
import { BigboxError } from '../contracts/errors.ts';
import type { Clock } from '../lib/clock.ts';
import type { ApprovalEnd, ApprovalRecord, ApprovalRecords } from '../store/index.ts';

const toText = (time: number): string => new Date(time).toISOString();

/** The one place where code waits for a person. Questions outlive a restart; who asks looks again. */
export class Approvals {
  readonly #records: ApprovalRecords;
  readonly #clock: Clock;
  readonly #waiters = new Map<string, Set<() => void>>();

  constructor(records: ApprovalRecords, clock: Clock) {
    this.#records = records;
    this.#clock = clock;
  }

  async ask({ timeout_seconds, agent_id, vm_id, ...question }: ApprovalRequest): Promise<Approval> {
    const createdAt = this.#clock.now();
    const expiresAt = createdAt + timeout_seconds * 1000;
    const asked = { ...question, agentId: agent_id, vmId: vm_id, createdAt, expiresAt };
    return toApproval(await this.#records.create(asked));
  }

  /** The latest first. */
  async list(options: { readonly state?: ApprovalState | undefined; readonly limit: number }): Promise<Approval[]> {
    await this.#records.expire(this.#clock.now());
    const { state, limit } = options;
    return (await this.#records.list({ limit, ...(state === undefined ? {} : { state }) })).map(toApproval);
  }

  /** Throws NOT_FOUND. */
  async get(id: string): Promise<Approval> {
    await this.#records.expire(this.#clock.now());
    const record = await this.#records.find(id);
    if (record !== undefined) return toApproval(record);
    throw new BigboxError('NOT_FOUND', { message: `There is no approval ${id}.`, context: { approval: id } });
  }

  /** As `get`, but waits up to `waitMs` for the answer. Throws NOT_FOUND, and the signal's reason. */
  async wait(id: string, waitMs: number, signal: AbortSignal): Promise<Approval> {
    const known = await this.get(id);
    const untilMs = Math.min(waitMs, Date.parse(known.expires_at) - this.#clock.now());
    if (known.state !== 'waiting' || untilMs <= 0) return known;
    const enough = new AbortController();
    const waiters = this.#waiters.get(id) ?? new Set();
    const wake = (): void => enough.abort();
    this.#waiters.set(id, waiters.add(wake));
    try {
      await this.#clock.sleep(untilMs, AbortSignal.any([signal, enough.signal])).catch(() => signal.throwIfAborted());
    } finally {
      waiters.delete(wake);
      if (waiters.size === 0) this.#waiters.delete(id);
    }
    return this.get(id);
  }

  /** Throws NOT_FOUND, CONFLICT when it was decided before or its time is over. */
  async decide(id: string, { decision, comment, code }: ApprovalDecision): Promise<Approval> {
    const state = decision === 'approve' ? 'approved' : 'rejected';
    const approvedCode = decision === 'approve' ? code : undefined;
    return this.#end(id, { state, decidedAt: this.#clock.now(), comment, approvedCode });
  }

  /** Who asked no longer waits. Throws as `decide`. */
  async withdraw(id: string): Promise<Approval> {
    return this.#end(id, { state: 'withdrawn', decidedAt: undefined, comment: undefined, approvedCode: undefined });
  }

  async #end(id: string, end: ApprovalEnd): Promise<Approval> {
    const { state } = await this.get(id);
    if (state !== 'waiting' || !(await this.#records.end(id, end)))
      throw new BigboxError('CONFLICT', {
        message: `The approval ${id} does not wait any more.`,
        context: { approval: id, state: (await this.get(id)).state },
      });
    for (const wake of this.#waiters.get(id) ?? []) wake();
    return this.get(id);
  }
}

const toApproval = (record: ApprovalRecord): Approval => ({
  id: record.id,
  state: record.state,
  hook: record.hook,
  reason: record.reason,
  agent_id: record.agentId,
  ...(record.vmId === undefined ? {} : { vm_id: record.vmId }),
  language: record.language,
  code: record.code,
  created_at: toText(record.createdAt),
  expires_at: toText(record.expiresAt),
  ...(record.decidedAt === undefined ? {} : { decided_at: toText(record.decidedAt) }),
  ...(record.comment === undefined ? {} : { comment: record.comment }),
  ...(record.approvedCode === undefined ? {} : { approved_code: record.approvedCode }),
});
