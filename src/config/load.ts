import { readFileSync } from 'node:fs';
import type { core } from 'zod';
import { BigboxError } from '../contracts/errors.ts';
import { type Configuration, compileConfiguration } from './configuration.ts';
import { type Environment, processEnvironment, settingsFromEnvironment, variableOf } from './environment.ts';
import { type Role, VmExecution, knownExtraKeys } from './role.ts';
import { FullConfiguration, type Settings, toFullConfiguration } from './schema.ts';

export interface LoadOptions {
  /** Path of the configuration file; without it BIGBOX_CONFIG, else the built-in role. */
  readonly file?: string;
  /** Settings that the command line names. They win over everything. */
  readonly flags?: Partial<Settings>;
  readonly environment?: Environment;
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function readFile(path: string): unknown {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new BigboxError('CONFIG_UNREADABLE', {
      message: `Cannot read the configuration ${path}: ${(error as Error).message}.`,
      context: { file: path },
      cause: error,
    });
  }
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new BigboxError('CONFIG_UNREADABLE', {
      message: `The configuration ${path} is not valid JSON: ${(error as Error).message}.`,
      context: { file: path },
      cause: error,
    });
  }
}

const valueAt = (root: unknown, path: readonly PropertyKey[]): unknown =>
  path.reduce<unknown>(
    (value, key) =>
      typeof value === 'object' && value !== null ? (value as Record<PropertyKey, unknown>)[key] : undefined,
    root,
  );

/** Secrets must not stand in an error message. */
const show = (value: unknown, path: string): string =>
  /key|secret|token|password/i.test(path) ? '[removed]' : (JSON.stringify(value) ?? 'absent').slice(0, 120);

function describe(issue: core.$ZodIssue, root: unknown, cut: number): string {
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const nested = issue.errors.flat().toSorted((a, b) => b.path.length - a.path.length)[0];
    if (nested !== undefined) return describe({ ...nested, path: [...issue.path, ...nested.path] }, root, cut);
  }
  const path = issue.path.slice(cut).map(String).join('.');
  if (issue.code === 'unrecognized_keys') {
    const keys = issue.keys.map((key) => [path, key].filter(Boolean).join('.'));
    return `${keys.join(', ')} is not a key of Bigbox`;
  }
  const expectation = issue.message.replace(/^Invalid (input|option): /, '');
  return `${path || 'the whole'} is ${show(valueAt(root, issue.path), path)}, ${expectation}`;
}

/** Sentences about keys of `extra` and `vm_execution` that Bigbox keeps without knowing them. */
function keptKeys(roles: Readonly<Record<string, Role>>): readonly string[] {
  return Object.values(roles).flatMap((role) => {
    const extra = Object.keys(role.extra)
      .filter((key) => !knownExtraKeys.includes(key))
      .map((key) => `extra.${key}`);
    const execution = Object.keys(role.extra.vm_execution ?? {})
      .filter((key) => !(key in VmExecution.shape))
      .map((key) => `extra.vm_execution.${key}`);
    const unknown = [...extra, ...execution];
    return unknown.length === 0
      ? []
      : [`Role ${role.name}: ${unknown.join(', ')} is kept, but Bigbox does not know it.`];
  });
}

/**
 * Loads the configuration: defaults < file < environment < flags.
 * Throws CONFIG_UNREADABLE when the file cannot be read, CONFIG_INVALID when a key is unknown or a value wrong; the message names
 * the file, the path in it, the value and what was expected.
 */
export function loadConfiguration(options: LoadOptions = {}): Configuration {
  const environment = options.environment ?? processEnvironment();
  const sources = collect(options, environment);
  const { file, fromEnvironment, flags } = sources;
  const parsed = FullConfiguration.safeParse(sources.merged);
  if (!parsed.success) throw invalid(parsed.error.issues, sources);
  return compileConfiguration(parsed.data, {
    environment,
    ...(file === undefined ? {} : { file }),
    vmPortIsGiven: 'vm_port' in flags || 'vm_port' in fromEnvironment,
    kept: keptKeys(parsed.data.roles),
  });
}

interface Sources {
  readonly merged: unknown;
  readonly cut: number;
  readonly file: string | undefined;
  readonly fromEnvironment: Readonly<Record<string, unknown>>;
  readonly flags: Readonly<Record<string, unknown>>;
}

function collect(options: LoadOptions, environment: Environment): Sources {
  const file = options.file ?? environment['BIGBOX_CONFIG'];
  const { full, cut } = toFullConfiguration(file === undefined ? undefined : readFile(file));
  const fromEnvironment = settingsFromEnvironment(environment);
  const flags = Object.fromEntries(Object.entries(options.flags ?? {}).filter(([, value]) => value !== undefined));
  const written = isRecord(full) ? full : { roles: full };
  const inFile = written['bigbox'] ?? {};
  const merged = isRecord(inFile) ? { ...written, bigbox: { ...inFile, ...fromEnvironment, ...flags } } : written;
  return { merged, cut, file, fromEnvironment, flags };
}

function invalid(issues: readonly core.$ZodIssue[], sources: Sources): BigboxError {
  const sentences = issues.slice(0, 8).map((issue) => {
    const [first, key] = issue.path;
    const setting = first === 'bigbox' && typeof key === 'string' ? key : undefined;
    if (setting !== undefined && setting in sources.flags)
      return `--${setting.replaceAll('_', '-')}: ${describe(issue, sources.merged, 1)}`;
    if (setting !== undefined && setting in sources.fromEnvironment)
      return `${variableOf(setting)}: ${describe(issue, sources.merged, 1)}`;
    return `${sources.file ?? 'configuration'}: ${describe(issue, sources.merged, first === 'roles' ? sources.cut : 0)}`;
  });
  return new BigboxError('CONFIG_INVALID', {
    message: `The configuration is not valid. ${sentences.join('. ')}.`,
    context: { file: sources.file ?? null, problems: sentences },
  });
}
