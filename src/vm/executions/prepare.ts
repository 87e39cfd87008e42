import type { ExecuteRequest, ExecutionEvent, ToolDecision } from '../../contracts/execution.ts';
import { checkBefore } from '../hooks/before-execution.ts';
import { type HookOptions, secretValues } from '../hooks/hook-options.ts';
import { checkCode } from './code-policy.ts';
import type { GuestProgram } from './guest-program.ts';
import { type ProgramTerms, toProgram, toWarnings } from './to-program.ts';

export interface PreparationTerms extends ProgramTerms {
  readonly hooks: HookOptions;
  readonly signal: AbortSignal;
}

export interface Prepared {
  readonly program: GuestProgram;
  readonly warnings: readonly string[];
  readonly decisions: readonly ToolDecision[];
  readonly secrets?: readonly string[];
}

/**
 * Decides everything about an execution before a VM is taken for it, and tells when a person is asked. Throws what `toProgram` and
 * `checkBefore` throw.
 */
export async function* prepare(
  request: ExecuteRequest,
  terms: PreparationTerms,
): AsyncGenerator<ExecutionEvent, Prepared> {
  const { hooks, policy, signal } = terms;
  const asked = toProgram(request, terms);
  const { language } = asked;
  const rules = request.vm_id != null || hooks.checkThrowAway ? hooks.rules : [];
  const call = { agentId: request.agent_id, vmId: request.vm_id, language, code: asked.code };
  const { code, decisions } = yield* checkBefore(call, { rules, approver: hooks.approver, signal });
  checkCode(policy, language, code);
  return {
    program: { ...asked, code },
    warnings: toWarnings(request),
    decisions,
    ...(hooks.redactSecrets ? { secrets: secretValues(asked.environment) } : {}),
  };
}
