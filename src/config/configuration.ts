import { resolve } from 'node:path';
import { type Language, toLanguage } from '../contracts/execution.ts';
import { type Environment, defaultDirectories } from './environment.ts';
import { warningsFor } from './not-built.ts';
import { type Role, VmExecution } from './role.ts';
import type { FullConfiguration } from './schema.ts';
import type { SecuritySettings } from './security-settings.ts';

/** The configured model; without a base URL the built-in model service serves. */
export interface ConfiguredModel {
  readonly provider: string;
  readonly name?: string;
  readonly baseUrl?: string;
  readonly temperature?: number;
  readonly apiKey?: string;
}

/** What the processes run by: every value decided, frozen. The only thing of this module that composition roots read. */
export interface Configuration {
  /** The file it came from, if any. */
  readonly file?: string;
  readonly dataDir: string;
  readonly cacheDir: string;
  readonly host: '127.0.0.1';
  readonly port: number;
  readonly vmPort: number;
  /** Address at which agents reach the VM service. */
  readonly vmUrl: string;
  /** Port of the built-in model service: that of llm_base_url where it names this machine, else the model port. */
  readonly modelPort: number;
  readonly openOnLoopback: boolean;
  readonly allowedOrigins: readonly string[];
  readonly logLevel: FullConfiguration['bigbox']['log_level'];
  readonly role: { readonly name: string; readonly systemPrompt?: string };
  readonly model: ConfiguredModel;
  readonly execution: {
    readonly enabled: boolean;
    readonly pool: { readonly least: number; readonly most: number; readonly memoryBytes: number };
    readonly vmType: string;
    readonly timeoutMs: number;
    readonly languages: readonly Language[];
    readonly validateCode: boolean;
    readonly maxCodeLength: number;
    readonly security: SecuritySettings;
    readonly autoProvision: boolean;
  };
  readonly vmm: {
    readonly driver: 'auto' | 'firecracker' | 'qemu';
    readonly firecrackerPath?: string;
    readonly allowedFirecrackerVersions: readonly string[];
  };
  readonly limits: {
    readonly concurrentModelCalls: number;
    readonly concurrentRuns: number;
    readonly vmMemoryMib: number;
    readonly maxVms: number;
    readonly maxVcpus: number;
    readonly maxMemoryMib: number;
    readonly maxDiskMib: number;
    readonly maxSnapshots: number;
    readonly maxForks: number;
    readonly maxProcesses: number;
    readonly maxOutputBytes: number;
    readonly maxUploadBytes: number;
    readonly maxRunSeconds: number;
    readonly maxConnections: number;
  };
  /** Sentences that are said at start: keys without effect yet, kept unknown keys, open settings. */
  readonly warnings: readonly string[];
  /** The full configuration as `GET /config` shows it, before redaction. */
  readonly document: FullConfiguration;
}

const loopbackHosts = ['127.0.0.1', 'localhost', '[::1]'];

/** Whether an address names this machine. */
export const namesThisMachine = (url: string): boolean =>
  URL.canParse(url) && loopbackHosts.includes(new URL(url).hostname);

const portOf = (url: string): number => Number(new URL(url).port || (url.startsWith('https:') ? 443 : 80));

function selectRole(full: FullConfiguration): Role {
  const wanted = (full.selected_role ?? full.default_role ?? Object.keys(full.roles)[0] ?? '').toLowerCase();
  const found = Object.entries(full.roles).find(([name]) => name.toLowerCase() === wanted);
  if (found === undefined) throw new Error('The schema admits no configuration without its selected role.');
  return found[1];
}

function toModel(role: Role): ConfiguredModel {
  const { extra } = role;
  const name = extra.llm_model ?? role.llm_model ?? extra.ollama_model;
  const baseUrl = extra.llm_base_url ?? extra.ollama_base_url;
  return {
    provider: extra.llm_provider ?? 'ollama',
    ...(name ? { name } : {}),
    ...(baseUrl === undefined ? {} : { baseUrl: baseUrl.replace(/\/$/, '') }),
    ...(extra.llm_temperature === undefined ? {} : { temperature: extra.llm_temperature }),
    ...(role.llm_api_key ? { apiKey: role.llm_api_key } : {}),
  };
}

function toExecution(role: Role, settings: FullConfiguration['bigbox']): Configuration['execution'] {
  const written = role.extra.vm_execution ?? VmExecution.parse({});
  return {
    enabled: written.enabled,
    pool: {
      least: written.vm_pool_size,
      most: Math.max(written.vm_pool_size, settings.pool_max),
      memoryBytes: settings.pool_memory_mib * 1024 * 1024,
    },
    vmType: written.default_vm_type,
    timeoutMs: written.execution_timeout_ms,
    languages: written.allowed_languages.map(toLanguage).filter((language) => language !== undefined),
    validateCode: written.code_validation,
    maxCodeLength: written.max_code_length,
    security: written.security_settings,
    autoProvision: written.auto_provision,
  };
}

const toVmm = (settings: FullConfiguration['bigbox']): Configuration['vmm'] => ({
  driver: settings.vm_driver,
  ...(settings.firecracker_path === undefined ? {} : { firecrackerPath: settings.firecracker_path }),
  allowedFirecrackerVersions: settings.firecracker_allow_versions,
});

/** What a person should know about the settings in force. */
function openSettings({ bigbox }: FullConfiguration): readonly string[] {
  return [
    ...(bigbox.open_on_loopback ? ['Calls from this machine pass without a key (open_on_loopback).'] : []),
    ...(bigbox.allow_origins.length > 0
      ? [`Web pages of ${bigbox.allow_origins.join(', ')} may call the API (allow_origins).`]
      : []),
  ];
}

export interface CompileOptions {
  readonly environment: Environment;
  readonly file?: string;
  /** Whether a flag or the environment named the VM port, which then wins over api_base_url. */
  readonly vmPortIsGiven: boolean;
  /** Sentences about kept unknown keys. */
  readonly kept: readonly string[];
}

/** Decides every value. Reads nothing but its arguments. */
export function compileConfiguration(full: FullConfiguration, options: CompileOptions): Configuration {
  const role = selectRole(full);
  const settings = full.bigbox;
  const directories = defaultDirectories(options.environment);
  const model = toModel(role);
  const apiBaseUrl = role.extra.vm_execution?.api_base_url;
  const vmUrl =
    apiBaseUrl !== undefined && !options.vmPortIsGiven
      ? apiBaseUrl.replace(/\/$/, '')
      : `http://127.0.0.1:${settings.vm_port}`;
  const systemPrompt = role.extra.llm_system_prompt ?? role.extra.system_prompt;
  return Object.freeze({
    ...(options.file === undefined ? {} : { file: options.file }),
    dataDir: resolve(settings.data_dir ?? directories.data),
    cacheDir: resolve(settings.cache_dir ?? directories.cache),
    host: '127.0.0.1',
    port: settings.port,
    vmPort: namesThisMachine(vmUrl) ? portOf(vmUrl) : settings.vm_port,
    vmUrl,
    modelPort:
      model.baseUrl !== undefined && namesThisMachine(model.baseUrl) ? portOf(model.baseUrl) : settings.model_port,
    openOnLoopback: settings.open_on_loopback,
    allowedOrigins: settings.allow_origins.map((origin) => new URL(origin).origin),
    logLevel: settings.log_level,
    role: { name: role.name, ...(systemPrompt === undefined ? {} : { systemPrompt }) },
    model,
    execution: toExecution(role, settings),
    vmm: toVmm(settings),
    limits: {
      concurrentModelCalls: settings.concurrent_model_calls,
      concurrentRuns: settings.concurrent_runs,
      vmMemoryMib: settings.vm_memory_mib,
      maxVms: settings.max_vms,
      maxVcpus: settings.max_vcpus,
      maxMemoryMib: settings.max_memory_mib,
      maxDiskMib: settings.max_disk_mib,
      maxSnapshots: settings.max_snapshots,
      maxForks: settings.max_forks,
      maxProcesses: settings.max_processes,
      maxOutputBytes: settings.max_output_bytes,
      maxUploadBytes: settings.max_upload_bytes,
      maxRunSeconds: settings.max_run_seconds,
      maxConnections: settings.max_connections,
    },
    warnings: [...openSettings(full), ...Object.values(full.roles).flatMap(warningsFor), ...options.kept],
    document: full,
  });
}
