import type { Role } from './role.ts';

/**
 * Keys that load but have no effect yet, with the part that brings it. This list only shrinks; its test holds the last one.
 * `differs` says whether a role asks for more than the default.
 */
export const notBuilt: readonly {
  readonly path: string;
  readonly part: string;
  readonly differs: (role: Role) => boolean;
}[] = [
  { path: 'relevance_function', part: 'knowledge', differs: (role) => role.relevance_function !== 'title-scorer' },
  { path: 'terraphim_it', part: 'knowledge', differs: (role) => role.terraphim_it },
  { path: 'theme', part: 'knowledge', differs: (role) => role.theme !== 'default' },
  { path: 'kg', part: 'knowledge', differs: (role) => role.kg !== undefined && role.kg !== null },
  { path: 'haystacks', part: 'knowledge', differs: (role) => role.haystacks.length > 0 },
  {
    path: 'llm_auto_summarize',
    part: 'knowledge',
    differs: (role) => role.llm_auto_summarize || role.extra.llm_auto_summarize === true,
  },
  { path: 'llm_chat_enabled', part: 'knowledge', differs: (role) => role.llm_chat_enabled },
  { path: 'llm_chat_model', part: 'knowledge', differs: (role) => Boolean(role.llm_chat_model) },
  {
    path: 'llm_chat_system_prompt',
    part: 'knowledge',
    differs: (role) => Boolean(role.llm_chat_system_prompt ?? role.extra.llm_chat_system_prompt),
  },
  { path: 'llm_router_enabled', part: 'hosted models', differs: (role) => role.llm_router_enabled },
  { path: 'extra.goals', part: 'agents', differs: (role) => (role.extra.goals ?? []).length > 0 },
  { path: 'extra.capabilities', part: 'agents', differs: (role) => (role.extra.capabilities ?? []).length > 0 },
  {
    path: 'extra.vm_execution.allowed_languages: rust',
    part: 'VM templates',
    differs: (role) => role.extra.vm_execution?.allowed_languages.includes('rust') ?? false,
  },
  {
    path: 'extra.vm_execution.history',
    part: 'VM history',
    differs: (role) =>
      role.extra.vm_execution?.history.snapshot_on_execution === true ||
      role.extra.vm_execution?.history.auto_rollback_on_failure === true,
  },
  {
    path: 'extra.vm_execution.security_settings.resource_limits',
    part: 'access and limits',
    differs: (role) => role.extra.vm_execution?.security_settings['resource_limits'] !== undefined,
  },
];

/** Names what a role asks for that this version does not do yet, one sentence each. */
export function warningsFor(role: Role): readonly string[] {
  return notBuilt
    .filter((key) => key.differs(role))
    .map((key) => `Role ${role.name}: ${key.path} has no effect yet; it comes with the part "${key.part}".`);
}
