import type { Configuration } from '../../config/index.ts';
import { RemoteApprover } from '../../gateway/index.ts';
import { type CodeRule, dangerousPatterns, type HookOptions } from '../../vm/index.ts';

/** Turns the configured rules into those of the VM service; a person is asked at the agent server. */
export function toHooks({ execution: { security }, port }: Configuration, serviceKey: string): HookOptions {
  const check = security.dangerous_patterns_check;
  const own = security.rules.map(({ pattern, languages, replacement, ...rule }): CodeRule => ({
    ...rule,
    pattern: new RegExp(pattern, 'm'),
    ...(languages === undefined ? {} : { languages }),
    ...(replacement === undefined ? {} : { replacement }),
  }));
  return {
    rules: [...(check === 'off' ? [] : dangerousPatterns(check)), ...own],
    checkThrowAway: security.check_throw_away_vms,
    redactSecrets: security.redact_secrets,
    approver: new RemoteApprover({
      serviceKey,
      url: `http://127.0.0.1:${port}/api/v1/approvals`,
      timeoutSeconds: security.approval_timeout_seconds,
    }),
  };
}
