import type { Approval, ApprovalRequest } from '../../contracts/approvals.ts';
import { BigboxError } from '../../contracts/errors.ts';
import type { ExecutionEvent } from '../../contracts/execution.ts';

export type ApprovalQuestion = Omit<ApprovalRequest, 'timeout_seconds'>;

/** Whom code waits for. */
export interface Approver {
  /** Asks a person. Aborting the signal withdraws the question. Throws SERVICE_NOT_RUNNING when nobody can be asked. */
  ask(question: ApprovalQuestion, signal: AbortSignal): Promise<OpenApproval>;
}

interface OpenApproval {
  readonly approvalId: string;
  readonly expiresAt: string;
  readonly decided: Promise<Approval>;
}

/**
 * Tells that code waits, and gives the approval when a person has approved it. Throws APPROVAL_REJECTED, APPROVAL_EXPIRED,
 * SERVICE_NOT_RUNNING, and the signal's reason.
 */
export async function* awaitApproval(
  approver: Approver | undefined,
  question: ApprovalQuestion,
  signal: AbortSignal,
): AsyncGenerator<ExecutionEvent, Approval> {
  if (approver === undefined)
    throw new BigboxError('SERVICE_NOT_RUNNING', {
      message: `The rule ${question.hook} asks a person, and this service knows no place where one could answer.`,
      context: { hook: question.hook },
    });
  const { approvalId, expiresAt, decided } = await approver.ask(question, signal);
  yield { type: 'approval-requested', approval_id: approvalId, reason: question.reason, expires_at: expiresAt };
  const approval = await decided;
  if (approval.state === 'approved') return approval;
  const context = { hook: question.hook, approval: approval.id, comment: approval.comment ?? null };
  if (approval.state === 'rejected')
    throw new BigboxError('APPROVAL_REJECTED', {
      message: `A person did not let the code run${approval.comment === undefined ? '.' : `: ${approval.comment}`}`,
      context,
    });
  throw new BigboxError('APPROVAL_EXPIRED', {
    message: `Nobody decided before ${approval.expires_at} whether the code may run (${question.reason})`,
    context,
  });
}
