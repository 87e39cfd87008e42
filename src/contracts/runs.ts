import { z } from 'zod';
import { CodeRun, ParallelResult, PerspectiveAnswer, Synthesis, TokenUsage } from './analysis.ts';
import { ErrorBody } from './errors.ts';

const ModelSelection = z.object({
  llm_provider: z.string().max(100).optional(),
  llm_model: z.string().max(200).optional(),
  llm_base_url: z.string().max(2000).optional(),
  llm_temperature: z.number().min(0).max(2).optional(),
});

/** What `POST /workflows/parallel` takes: upstream's request and more. Unknown keys of old clients are ignored. */
export const ParallelRequest = z.object({
  prompt: z.string().trim().min(1).max(20_000).describe('The topic'),
  role: z.string().max(200).optional(),
  overall_role: z.string().max(200).optional(),
  config: z.unknown().optional(),
  llm_config: ModelSelection.nullish(),
  perspectives: z
    .array(z.string())
    .min(1)
    .max(12)
    .optional()
    .describe('Ids of the catalogue; three are chosen without it'),
  domains: z.array(z.string()).max(12).optional(),
  model: z.string().max(200).optional().describe('Short for llm_config.llm_model'),
});
export type ParallelRequest = z.infer<typeof ParallelRequest>;

export const RunState = z.enum(['pending', 'running', 'completed', 'failed', 'cancelled']);
export type RunState = z.infer<typeof RunState>;

/** Upstream's WorkflowStatus and more. */
export const RunStatus = z.object({
  id: z.string(),
  pattern: z.literal('parallelization'),
  status: RunState,
  progress: z.number().min(0).max(100).describe('Finished steps of all known steps, never time'),
  current_step: z.string().optional(),
  topic: z.string(),
  perspectives: z.array(z.string()),
  domains: z.array(z.string()),
  role: z.string(),
  overall_role: z.string(),
  model: z.object({ provider: z.string(), name: z.string() }).optional(),
  steps: z.object({ finished: z.number().int(), total: z.number().int() }),
  tokens: TokenUsage,
  last_sequence: z.number().int().describe('Sequence number of the newest event'),
  started_at: z.string(),
  completed_at: z.string().optional(),
  result: ParallelResult.optional(),
  error: z.string().optional(),
  error_detail: ErrorBody.optional(),
});
export type RunStatus = z.infer<typeof RunStatus>;

/** Upstream's WorkflowResponse. */
export const ParallelResponse = z.object({
  workflow_id: z.string(),
  success: z.boolean(),
  result: ParallelResult.optional(),
  error: z.string().optional(),
  error_detail: ErrorBody.optional(),
  metadata: z.object({
    execution_time_ms: z.number(),
    pattern: z.literal('parallelization'),
    steps: z.number().int(),
    role: z.string(),
    overall_role: z.string(),
  }),
});
export type ParallelResponse = z.infer<typeof ParallelResponse>;

/** The state of one agent's lane. `waiting`: for the model. */
export const AgentState = z.enum(['waiting', 'thinking', 'running-code', 'revising', 'done', 'failed', 'cancelled']);
export type AgentState = z.infer<typeof AgentState>;

/** `agent` is a perspective's id, or `synthesis`. `step` is a path like `perspectives/analytical/answer`. */
const RunEventBody = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('run-started'),
    topic: z.string(),
    perspectives: z.array(z.string()),
    domains: z.array(z.string()),
    model: z.object({ provider: z.string(), name: z.string(), substituted_because: z.string().optional() }),
  }),
  z.object({ type: z.literal('run-resumed'), reason: z.string() }),
  z.object({ type: z.literal('run-finished'), status: RunState, error: ErrorBody.optional() }),
  z.object({ type: z.literal('agent-changed'), agent: z.string(), state: AgentState, error: ErrorBody.optional() }),
  z.object({ type: z.literal('step-started'), step: z.string(), agent: z.string(), attempt: z.number().int() }),
  /** The call was in flight when a process died; it is made again. */
  z.object({ type: z.literal('step-repeated'), step: z.string(), agent: z.string(), attempt: z.number().int() }),
  z.object({
    type: z.literal('step-finished'),
    step: z.string(),
    agent: z.string(),
    duration_ms: z.number(),
    usage: TokenUsage.optional(),
  }),
  z.object({ type: z.literal('step-failed'), step: z.string(), agent: z.string(), error: ErrorBody }),
  z.object({
    type: z.literal('text-delta'),
    step: z.string(),
    agent: z.string(),
    text: z.string(),
    tokens: z.number().int().describe('Output tokens of this step so far, counted by deltas'),
  }),
  z.object({
    type: z.literal('code-started'),
    agent: z.string(),
    execution: z.number().int(),
    language: z.string(),
    code: z.string(),
  }),
  z.object({
    type: z.literal('code-output'),
    agent: z.string(),
    execution: z.number().int(),
    stream: z.enum(['stdout', 'stderr']),
    text: z.string(),
  }),
  z.object({
    type: z.literal('code-finished'),
    agent: z.string(),
    execution: z.number().int(),
    run: CodeRun.optional(),
    error: ErrorBody.optional(),
  }),
  z.object({ type: z.literal('answer-available'), agent: z.string(), answer: PerspectiveAnswer }),
  z.object({ type: z.literal('synthesis-available'), synthesis: Synthesis }),
  z.object({ type: z.literal('warning'), message: z.string() }),
]);
export type RunEventBody = z.infer<typeof RunEventBody>;

/** One entry of a run's append-only record. `sequence` starts at 1 and has no gaps. */
export const RunEvent = z.intersection(
  z.object({ run_id: z.string(), sequence: z.number().int(), at: z.string() }),
  RunEventBody,
);
export type RunEvent = { readonly run_id: string; readonly sequence: number; readonly at: string } & RunEventBody;

/** `GET /workflows/{id}/trace`. */
export const RunTrace = z.object({
  workflow_id: z.string(),
  status: RunState,
  steps: z.array(
    z.object({
      step_id: z.string(),
      agent: z.string(),
      status: z.enum(['running', 'completed', 'failed']),
      attempts: z.number().int(),
      started_at: z.string(),
      completed_at: z.string().optional(),
      duration_ms: z.number().optional(),
      tokens_used: TokenUsage.optional(),
      error: ErrorBody.optional(),
    }),
  ),
  timeline: z.object({ started_at: z.string(), completed_at: z.string().optional() }),
  performance: z.object({ execution_time_ms: z.number(), progress: z.number() }),
});
export type RunTrace = z.infer<typeof RunTrace>;

/** One workflow on the launch pad. */
export const WorkflowCard = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  needs: z.string(),
  path: z.string(),
  typical_ms: z
    .number()
    .optional()
    .describe('Median of the last finished runs on this machine; absent before the first'),
});
export type WorkflowCard = z.infer<typeof WorkflowCard>;
