import { createExecutionId } from '../../contracts/ids.ts';
import type { ExecuteRequest } from '../../contracts/execution.ts';
import { type CodePolicy, checkCode } from './code-policy.ts';
import type { GuestProgram } from './guest-program.ts';

export interface ProgramTerms {
  readonly policy: CodePolicy;
  readonly defaultTimeoutMs: number;
  /** Bytes of each output stream that are kept. */
  readonly maxOutputBytes: number;
  /** What the VM was made with; the request's own values win. */
  readonly environment: Readonly<Record<string, string>>;
}

/** A program may write this many times what is kept before it is stopped. */
const outputPatience = 8;

/** What a request asks a guest to run. Throws LANGUAGE_NOT_ALLOWED, CODE_TOO_LONG, CODE_INVALID. */
export function toProgram(request: ExecuteRequest, terms: ProgramTerms): GuestProgram {
  const language = checkCode(terms.policy, request.language, request.code);
  const seconds = request.timeout_seconds == null ? undefined : Math.ceil(request.timeout_seconds * 1000);
  return {
    executionId: createExecutionId(),
    language,
    code: request.code,
    timeoutMs: request.timeout_ms ?? seconds ?? terms.defaultTimeoutMs,
    ...(request.working_dir == null ? {} : { workingDirectory: request.working_dir }),
    environment: { ...terms.environment, ...request.environment },
    ...(request.stdin == null ? {} : { stdin: request.stdin }),
    isLast: request.vm_id == null,
    stopAfterBytes: terms.maxOutputBytes * outputPatience,
  };
}

/** What the caller asked for and does not get. */
export function toWarnings({ requirements }: ExecuteRequest): readonly string[] {
  if (requirements == null || requirements.length === 0) return [];
  return [
    `Packages are not installed (${requirements.join(', ').slice(0, 200)}): VMs have no network in this version.`,
  ];
}
