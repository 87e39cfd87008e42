import { z } from 'zod';
import { SecuritySettings } from './security-settings.ts';

/** The keys of the seed's `vm_execution`. Unknown keys are kept and reported, as everywhere inside a role's `extra`. */
export const VmExecution = z.looseObject({
  enabled: z.boolean().default(false).describe('Whether agents may run code'),
  api_base_url: z.url().optional().describe('Address of the VM service; without it the one at the VM port'),
  vm_pool_size: z.number().int().min(0).max(64).default(1).describe('Least clones of the template that wait for work'),
  default_vm_type: z.string().min(1).default('debian-bookworm').describe('VM type of code that names none'),
  execution_timeout_ms: z
    .number()
    .int()
    .min(100)
    .max(3_600_000)
    .default(30_000)
    .describe('Time limit of code that names none'),
  allowed_languages: z
    .array(z.enum(['python', 'javascript', 'bash', 'rust']))
    .default(['python', 'javascript', 'bash'])
    .describe('Languages that code may be in'),
  auto_provision: z.boolean().default(true).describe('Whether an execution without a VM may take one from the pool'),
  code_validation: z.boolean().default(true).describe('Whether code is checked before it reaches a VM'),
  max_code_length: z.number().int().min(1).max(10_000_000).default(10_000).describe('Longest code, in characters'),
  history: z
    .looseObject({
      enabled: z.boolean().default(true),
      snapshot_on_execution: z.boolean().default(false),
      snapshot_on_failure: z.boolean().default(true),
      auto_rollback_on_failure: z.boolean().default(false),
      max_history_entries: z.number().int().min(1).default(100),
      persist_history: z.boolean().default(true),
      integration_mode: z.enum(['direct', 'http']).default('http'),
    })
    .prefault({}),
  security_settings: SecuritySettings.prefault({}),
});
export type VmExecution = z.infer<typeof VmExecution>;

const knownExtra = {
  llm_provider: z
    .enum(['ollama', 'openai', 'openai-compatible', 'openrouter', 'anthropic'])
    .optional()
    .describe('Kind of model server'),
  llm_model: z.string().min(1).optional().describe('Name of the model on its server'),
  llm_base_url: z.url().optional().describe('Address of the model server; without it the built-in model serves'),
  ollama_model: z.string().min(1).optional().describe("Upstream's older name of llm_model"),
  ollama_base_url: z.url().optional().describe("Upstream's older name of llm_base_url"),
  llm_temperature: z.number().min(0).max(2).optional().describe('Temperature of model calls'),
  llm_auto_summarize: z.boolean().optional().describe('Summaries of search results'),
  llm_description: z.string().optional().describe('What the role is, for people'),
  llm_system_prompt: z.string().optional().describe('System prompt of the role'),
  system_prompt: z.string().optional().describe("System prompt of the role, as upstream's pages write it"),
  llm_chat_system_prompt: z.string().nullish().describe('System prompt of chats'),
  goals: z.array(z.string()).optional().describe('Goals of the role'),
  capabilities: z.array(z.string()).optional().describe('Capabilities of the role'),
  vm_execution: z
    .union([z.boolean().transform((enabled) => VmExecution.parse({ enabled })), VmExecution])
    .optional()
    .describe('How agents run code: true, or the keys below'),
};
export const knownExtraKeys: readonly string[] = Object.keys(knownExtra);

/** A role's free map: known keys have types, others are kept and reported. */
export const Extra = z.looseObject(knownExtra);
export type Extra = z.infer<typeof Extra>;

const KnowledgeGraph = z.strictObject({
  automata_path: z
    .union([z.string(), z.strictObject({ Local: z.string() }), z.strictObject({ Remote: z.url() })])
    .nullish(),
  knowledge_graph_local: z.strictObject({ input_type: z.enum(['markdown', 'json']), path: z.string() }).nullish(),
  public: z.boolean().default(false),
  publish: z.boolean().default(false),
});

const Haystack = z.strictObject({
  location: z.string().min(1),
  service: z.enum([
    'Ripgrep',
    'Atomic',
    'QueryRs',
    'ClickUp',
    'Mcp',
    'Perplexity',
    'GrepApp',
    'AiAssistant',
    'Quickwit',
    'Jmap',
  ]),
  read_only: z.boolean().default(false),
  atomic_server_secret: z.string().nullish(),
  extra_parameters: z.record(z.string(), z.unknown()).default({}),
  fetch_content: z.boolean().optional(),
});

/** A role as upstream writes it, `extra` already merged from the role level and from a nested `extra.extra`. */
export const Role = z.strictObject({
  name: z.string().min(1).describe('Name of the role'),
  shortname: z.string().nullish().describe('Short name of the role'),
  relevance_function: z
    .enum(['terraphim-graph', 'title-scorer', 'bm25', 'bm25f', 'bm25plus'])
    .default('title-scorer')
    .describe('How search results are ranked'),
  terraphim_it: z.boolean().default(false).describe('Whether terms in texts become links into the graph'),
  theme: z.string().default('default').describe('Theme of the pages'),
  kg: KnowledgeGraph.nullish().describe('The knowledge graph of the role'),
  haystacks: z.array(Haystack).default([]).describe('Where the role searches'),
  llm_enabled: z.boolean().default(false).describe('Whether the role uses a model'),
  llm_api_key: z.string().nullish().describe('Key of a hosted model'),
  llm_model: z.string().nullish().describe('Model of the role'),
  llm_auto_summarize: z.boolean().default(false).describe('Summaries of search results'),
  llm_chat_enabled: z.boolean().default(false).describe('Whether the role chats'),
  llm_chat_system_prompt: z.string().nullish().describe('System prompt of chats'),
  llm_chat_model: z.string().nullish().describe('Model of chats'),
  llm_context_window: z.number().int().positive().default(32_768).describe('Context of the model, in tokens'),
  llm_router_enabled: z.boolean().default(false).describe('Choice of models by capability'),
  llm_router_config: z.record(z.string(), z.unknown()).nullish().describe('How models are chosen'),
  extra: Extra.prefault({}).describe('Free map of the role'),
});
export type Role = z.infer<typeof Role>;

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/**
 * Brings a written role into one form: keys of `extra` that stand at the role level (upstream flattens them) and a nested
 * `extra.extra` move into `extra`. What stands deeper wins. Other values pass through for the schema to judge.
 */
export function mergeExtra(written: unknown): unknown {
  if (!isRecord(written)) return written;
  const extra = isRecord(written['extra']) ? written['extra'] : {};
  if (written['extra'] !== undefined && !isRecord(written['extra'])) return written;
  const nested = isRecord(extra['extra']) ? extra['extra'] : {};
  const atRoleLevel = Object.entries(written).filter(([key]) => knownExtraKeys.includes(key) && !(key in Role.shape));
  const own = Object.entries(extra).filter(([key, value]) => key !== 'extra' || !isRecord(value));
  const kept = Object.entries(written).filter(
    ([key]) => key !== 'extra' && !atRoleLevel.some(([moved]) => moved === key),
  );
  return {
    ...Object.fromEntries(kept),
    extra: { ...Object.fromEntries(atRoleLevel), ...Object.fromEntries(own), ...nested },
  };
}
