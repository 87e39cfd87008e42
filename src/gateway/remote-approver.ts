import { Approval, type ApprovalRequest } from '../contracts/approvals.ts';
import { BigboxError } from '../contracts/errors.ts';
import { type Clock, systemClock } from '../lib/clock.ts';

export interface RemoteApproverOptions {
  readonly serviceKey: string;
  /** Address of the agent server's `/api/v1/approvals`. */
  readonly url: string;
  readonly timeoutSeconds: number;
  readonly clock?: Clock;
}

interface OpenApproval {
  readonly approvalId: string;
  readonly expiresAt: string;
  /** Resolves with the decision; aborting the signal of `ask` withdraws the question and gives its reason. */
  readonly decided: Promise<Approval>;
}

const waitSeconds = 25;
const retryMs = 1000;
const requestTimeoutMs = 35_000;

/** Asks the person at the agent server, on behalf of the VM service. Throws SERVICE_NOT_RUNNING when it cannot be asked at all. */
export class RemoteApprover {
  readonly #options: RemoteApproverOptions;
  readonly #clock: Clock;

  constructor(options: RemoteApproverOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
  }

  async ask(question: Omit<ApprovalRequest, 'timeout_seconds'>, signal: AbortSignal): Promise<OpenApproval> {
    const body = JSON.stringify({ ...question, timeout_seconds: this.#options.timeoutSeconds });
    const { id, expires_at } = await this.#send('', { method: 'POST', body, signal });
    const decided = this.#follow(id, signal);
    decided.catch(() => undefined);
    return { approvalId: id, expiresAt: expires_at, decided };
  }

  /** Over restarts of the agent server: the question is in its records. */
  async #follow(id: string, signal: AbortSignal): Promise<Approval> {
    for (;;) {
      try {
        const approval = await this.#send(`/${id}?wait_seconds=${waitSeconds}`, { method: 'GET', signal });
        if (approval.state !== 'waiting') return approval;
      } catch (error) {
        if (signal.aborted) await this.#withdraw(id);
        signal.throwIfAborted();
        if (!(error instanceof BigboxError) || error.retry !== 'later') throw error;
        await this.#clock.sleep(retryMs, signal);
      }
    }
  }

  /** As good as it can be done: the question ends by itself later. */
  async #withdraw(id: string): Promise<void> {
    await this.#send(`/${id}`, { method: 'DELETE' }).catch(() => undefined);
  }

  async #send(path: string, init: RequestInit): Promise<Approval> {
    const timeout = AbortSignal.timeout(requestTimeoutMs);
    const headers = {
      authorization: `Bearer ${this.#options.serviceKey}`,
      ...(init.body === undefined ? {} : { 'content-type': 'application/json' }),
    };
    try {
      const signal = init.signal == null ? timeout : AbortSignal.any([timeout, init.signal]);
      const response = await fetch(this.#options.url + path, { ...init, headers, redirect: 'error', signal });
      if (!response.ok) throw new Error(`it answered with status ${response.status}`);
      return Approval.parse(await response.json());
    } catch (cause) {
      init.signal?.throwIfAborted();
      throw new BigboxError('SERVICE_NOT_RUNNING', {
        message: `The agent server, where a person approves code, could not be asked: ${(cause as Error).message}.`,
        cause,
      });
    }
  }
}
