import { BigboxError } from '../../contracts/errors.ts';
import type { ExecutionEvent, Language, ToolDecision } from '../../contracts/execution.ts';
import { type Approver, awaitApproval } from './approver.ts';
import type { CodeRule } from './code-rule.ts';

/** Code that somebody wants to run. */
export interface ToolCall {
  readonly agentId: string;
  readonly language: Language;
  readonly code: string;
  /** Absent for a clone that is thrown away afterwards. */
  readonly vmId?: string | null | undefined;
}

export interface CheckedCall {
  /** The code as the rules left it. */
  readonly code: string;
  /** What the rules decided, but for those that let it pass. */
  readonly decisions: readonly ToolDecision[];
}

export interface Check {
  readonly rules: readonly CodeRule[];
  readonly approver: Approver | undefined;
  readonly signal: AbortSignal;
}

/**
 * Applies the rules in their order, each to what those before it left; tells when a person is asked. Throws EXECUTION_BLOCKED, and as
 * `awaitApproval`; nothing has run then.
 */
export async function* checkBefore(call: ToolCall, check: Check): AsyncGenerator<ExecutionEvent, CheckedCall> {
  const decisions: ToolDecision[] = [];
  let { code } = call;
  for (const rule of check.rules) {
    if (rule.languages?.includes(call.language) === false || code.search(rule.pattern) < 0) continue;
    const { name: hook, decision } = rule;
    if (decision === 'block') throw blocked(rule);
    if (decision === 'modify') code = code.replaceAll(toGlobal(rule.pattern), rule.replacement ?? '');
    let { reason } = rule;
    if (decision === 'ask') {
      const approval = yield* awaitApproval(check.approver, toQuestion({ ...call, code }, rule), check.signal);
      code = approval.approved_code ?? code;
      reason = `${reason} A person approved it${approval.approved_code === undefined ? '' : ', changed'}.`;
    }
    decisions.push({ hook, decision, reason });
  }
  return { code, decisions };
}

const toQuestion = ({ agentId, vmId, language, code }: ToolCall, { name, reason }: CodeRule) => ({
  hook: name,
  reason,
  agent_id: agentId,
  language,
  code,
  ...(vmId == null ? {} : { vm_id: vmId }),
});

const toGlobal = ({ source, flags }: RegExp): RegExp => new RegExp(source, flags.includes('g') ? flags : `${flags}g`);

const blocked = ({ name, reason }: CodeRule): BigboxError =>
  new BigboxError('EXECUTION_BLOCKED', {
    message: `The rule ${name} does not let this code run: ${reason}`,
    context: { hook: name, reason },
  });
