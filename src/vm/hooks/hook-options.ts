import type { Approver } from './approver.ts';
import type { CodeRule } from './code-rule.ts';

/** What happens before code runs and to what it writes. */
export interface HookOptions {
  readonly rules: readonly CodeRule[];
  /** Whether the rules also look at code for clones that are thrown away, which can harm nothing that lasts. */
  readonly checkThrowAway: boolean;
  readonly redactSecrets: boolean;
  readonly approver?: Approver;
}

/** No rules; secrets are taken out of the output. */
export const plainHooks: HookOptions = { rules: [], checkThrowAway: false, redactSecrets: true };

const secretName = /KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL/i;

/** Values that an environment names as secret. */
export const secretValues = (environment: Readonly<Record<string, string>>): readonly string[] =>
  Object.entries(environment)
    .filter(([name]) => secretName.test(name))
    .map(([, value]) => value);
