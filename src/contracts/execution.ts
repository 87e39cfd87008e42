import { z } from 'zod';
import { ErrorBody } from './errors.ts';

/** Languages that a template of this version runs. `rust` of the seed is accepted in configuration and answered as not supported. */
export const languages = ['python', 'javascript', 'bash'] as const;
export const Language = z.enum(languages);
export type Language = z.infer<typeof Language>;

/** How an execution ended. */
export const ExecutionOutcome = z.enum(['exited', 'timed-out', 'cancelled', 'vm-lost']);
export type ExecutionOutcome = z.infer<typeof ExecutionOutcome>;

/** What upstream clients send to `/api/llm/execute`; both names of the time limit are accepted, milliseconds win. */
export const ExecuteRequest = z.object({
  agent_id: z.string().max(200).default('anonymous'),
  language: z.string().min(1).max(40).describe('python, javascript or bash, or an alias: py, python3, js, node, sh'),
  code: z.string().min(1).describe('At most max_code_length characters'),
  vm_id: z.string().max(64).nullish().describe('Run on this VM; without it a fresh clone is used once and thrown away'),
  timeout_ms: z.number().int().positive().max(3_600_000).nullish(),
  timeout_seconds: z.number().positive().max(3600).nullish(),
  working_dir: z.string().max(4096).nullish(),
  environment: z.record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/), z.string().max(32_768)).nullish(),
  stdin: z.string().nullish(),
  requirements: z
    .array(z.string())
    .nullish()
    .describe('Accepted from old clients; packages are not installed, a warning says so'),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
export type ExecuteRequest = z.infer<typeof ExecuteRequest>;

/** What a rule decided about code that then ran. */
export const ToolDecision = z.object({
  hook: z.string().describe('Name of the rule'),
  decision: z.enum(['warn', 'ask', 'modify']).describe('ask: a person approved it'),
  reason: z.string(),
});
export type ToolDecision = z.infer<typeof ToolDecision>;

/** Upstream's answer and more. `exit_code` is -1 where the process did not exit by itself. */
export const ExecuteResponse = z.object({
  execution_id: z.string(),
  vm_id: z.string(),
  vm_type: z.string().describe('The template that really ran, also where an alias was asked for'),
  outcome: ExecutionOutcome,
  exit_code: z.number().int(),
  signal: z.number().int().optional(),
  stdout: z.string(),
  stderr: z.string(),
  truncated: z
    .boolean()
    .describe('Output went over the limit and was cut; the process was stopped if it went on writing'),
  duration_ms: z.number(),
  started_at: z.string(),
  completed_at: z.string(),
  error: z.string().nullish(),
  error_detail: ErrorBody.optional(),
  warnings: z.array(z.string()),
  decisions: z.array(ToolDecision).optional().describe('What rules decided about the code, where any did'),
});
export type ExecuteResponse = z.infer<typeof ExecuteResponse>;

/** The stream that `Accept: text/event-stream` on `/api/llm/execute` answers with, one JSON object an event. */
export const ExecutionEvent = z.discriminatedUnion('type', [
  z.object({ type: z.literal('execution-started'), execution_id: z.string(), vm_id: z.string(), vm_type: z.string() }),
  z.object({
    type: z.literal('approval-requested').describe('The code waits for POST /api/v1/approvals/{approval_id}'),
    approval_id: z.string(),
    reason: z.string(),
    expires_at: z.string(),
  }),
  z.object({ type: z.literal('output-delta'), stream: z.enum(['stdout', 'stderr']), text: z.string() }),
  z.object({ type: z.literal('execution-finished'), result: ExecuteResponse }),
  z.object({ type: z.literal('execution-failed'), error: ErrorBody }),
]);
export type ExecutionEvent = z.infer<typeof ExecutionEvent>;

const aliases: Readonly<Record<string, Language>> = {
  python: 'python',
  py: 'python',
  python3: 'python',
  javascript: 'javascript',
  js: 'javascript',
  node: 'javascript',
  bash: 'bash',
  sh: 'bash',
  shell: 'bash',
};

/** Finds the language that a name or alias means, in any case; undefined where none does. */
export const toLanguage = (name: string): Language | undefined => aliases[name.trim().toLowerCase()];
