import { z } from 'zod';
import { ExecuteResponse } from './execution.ts';
import { ErrorBody } from './errors.ts';

/** One statement of a perspective, with the id that the synthesis cites: `analytical.key-points.1`. */
export const Point = z.object({ id: z.string(), text: z.string() });
export type Point = z.infer<typeof Point>;

export const Level = z.enum(['low', 'medium', 'high']);
export type Level = z.infer<typeof Level>;

/** The five aspects of the comparison matrix. */
export const aspects = [
  'risk_level',
  'implementation_difficulty',
  'innovation_potential',
  'user_impact',
  'strategic_value',
] as const;
export type Aspect = (typeof aspects)[number];

/** What the model thinks of its own answer. Shown only under the label "the model's own opinion". */
export const ModelOpinion = z.object({
  confidence: z.number().min(0).max(1),
  matrix: z.object({
    risk_level: Level,
    implementation_difficulty: Level,
    innovation_potential: Level,
    user_impact: Level,
    strategic_value: Level,
  }),
});
export type ModelOpinion = z.infer<typeof ModelOpinion>;

export const TokenUsage = z.object({ input: z.number().int(), output: z.number().int() });
export type TokenUsage = z.infer<typeof TokenUsage>;

/** One piece of code that a perspective had run, with what came out. */
export const CodeRun = z.object({ language: z.string(), code: z.string(), result: ExecuteResponse });
export type CodeRun = z.infer<typeof CodeRun>;

/** What one agent found from its perspective. */
export const PerspectiveAnswer = z.object({
  perspective: z.string(),
  summary: z.string(),
  key_points: z.array(Point),
  insights: z.array(Point),
  recommendations: z.array(Point),
  opinion: ModelOpinion,
  code_runs: z.array(CodeRun),
  /** True when the answer was revised after its code had run. */
  revised: z.boolean(),
});
export type PerspectiveAnswer = z.infer<typeof PerspectiveAnswer>;

/** A statement of the synthesis with the ids of the points that it rests on. Never without a citation. */
export const CitedStatement = z.object({ text: z.string(), cites: z.array(z.string()).min(1) });
export type CitedStatement = z.infer<typeof CitedStatement>;

export const Synthesis = z.object({
  summary: z.string(),
  convergent_findings: z.array(CitedStatement),
  divergent_views: z.array(CitedStatement),
  priorities: z.array(CitedStatement),
  success_factors: z.array(CitedStatement),
});
export type Synthesis = z.infer<typeof Synthesis>;

/** One text under each key of each list: what is asked there, or an example of an answer. */
const PointTexts = z.object({
  key_points: z.record(z.string(), z.string()),
  insights: z.record(z.string(), z.string()),
  recommendations: z.record(z.string(), z.string()),
});

/** A small program in the parts that a model is asked for, each a line or lines. */
const ProgramParts = z.object({ figures: z.array(z.string()), calculation: z.string(), print: z.string() });
export type ProgramParts = Readonly<z.infer<typeof ProgramParts>>;

/** One perspective in the catalogue (src/workflows/catalog/perspectives.json). */
export const Perspective = z.object({
  id: z.string(),
  name: z.string(),
  focus: z.string().describe('One line'),
  description: z.string(),
  strengths: z.array(z.string()),
  approach: z.string(),
  /** The role line that starts the system prompt. */
  role: z.string(),
  /** What its agent is asked, list by list: a short key that says what the point is about, and the question. */
  questions: PointTexts.optional(),
  /** A good answer to these questions on a matter that no topic shares. Small models learn more from it than from rules. */
  example: PointTexts.extend({ summary: z.string(), program: ProgramParts.optional() }).optional(),
  /** True where a small calculation helps this perspective, so that its agent may ask for one. */
  computes: z.boolean().optional(),
  color: z.enum(['blue', 'violet', 'green', 'orange', 'pink', 'cyan']),
  selected_by_default: z.boolean(),
});
export type Perspective = z.infer<typeof Perspective>;

export const Domain = z.object({
  id: z.string(),
  name: z.string(),
  focus: z.string(),
  selected_by_default: z.boolean(),
});
export type Domain = z.infer<typeof Domain>;

/** The state of one perspective inside a result; a superset of upstream's `parallel_tasks[]`. */
export const ParallelTask = z.object({
  task_id: z.string(),
  perspective: z.string(),
  description: z.string(),
  status: z.enum(['completed', 'failed']),
  result: z.string().describe('The answer as Markdown text'),
  agent_id: z.string(),
  tokens_used: TokenUsage,
  cost: z.number(),
  duration_ms: z.number(),
  answer: PerspectiveAnswer.optional(),
  error: ErrorBody.optional(),
});
export type ParallelTask = z.infer<typeof ParallelTask>;

/** The `result` of a parallel run; a superset of upstream's shape. Every number was measured. */
export const ParallelResult = z.object({
  pattern: z.literal('parallelization'),
  topic: z.string(),
  domains: z.array(z.string()),
  parallel_tasks: z.array(ParallelTask),
  synthesis: Synthesis.optional(),
  synthesis_error: ErrorBody.optional(),
  aggregated_result: z.string().describe('The synthesis as Markdown text'),
  model: z.object({
    provider: z.string(),
    name: z.string(),
    requested: z.string().optional(),
    substituted_because: z.string().optional(),
  }),
  warnings: z.array(z.string()),
  execution_summary: z.object({
    perspectives_count: z.number().int(),
    failed_count: z.number().int(),
    total_tokens: z.number().int(),
    tokens: TokenUsage,
    total_cost: z.number(),
    wall_time_ms: z.number().describe('From the start of the run to its end'),
    model_time_ms: z.number().describe('Sum of the durations of all model calls'),
    parallel_factor: z.number().describe('Sum of the durations of all steps divided by the wall time'),
    vm_executions: z.number().int(),
    repeated_steps: z.number().int().describe('Calls that were in flight when a process died and were made again'),
  }),
});
export type ParallelResult = z.infer<typeof ParallelResult>;
