import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Settings } from './schema.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** The environment of this process. The only place that reads it. */
export const processEnvironment = (): Environment => process.env;

type Written = { -readonly [TKey in keyof Settings]?: unknown };

const isTrue = (text: string): unknown =>
  text === '1' || text === 'true' ? true : text === '0' || text === 'false' ? false : text;
const toNumber = (text: string): unknown => (/^\d+$/.test(text) ? Number(text) : text);

/** Levels of RUST_LOG, which the seed's units set, under our names; a directive list gives its first bare level. */
function toLogLevel(rustLog: string): string | undefined {
  const bare = rustLog.split(',').find((part) => !part.includes('='));
  return bare === 'off' ? 'silent' : bare?.trim().toLowerCase();
}

const readers: Readonly<Record<string, readonly [keyof Settings, (text: string) => unknown]>> = {
  BIGBOX_PORT: ['port', toNumber],
  BIGBOX_VM_PORT: ['vm_port', toNumber],
  BIGBOX_MODEL_PORT: ['model_port', toNumber],
  BIGBOX_CACHE_DIR: ['cache_dir', String],
  BIGBOX_OPEN_ON_LOOPBACK: ['open_on_loopback', isTrue],
  BIGBOX_ALLOW_ORIGIN: ['allow_origins', (text) => text.split(',').map((part) => part.trim())],
  BIGBOX_LOG_LEVEL: ['log_level', String],
  FIRECRACKER_PATH: ['firecracker_path', String],
};

/** Reads the settings that the environment carries. BIGBOX_DATA_DIR wins over the seed's TERRAPHIM_DATA_DIR. */
export function settingsFromEnvironment(environment: Environment): Written {
  const settings: Written = {};
  const dataDirectory = environment['BIGBOX_DATA_DIR'] ?? environment['TERRAPHIM_DATA_DIR'];
  if (dataDirectory) settings.data_dir = dataDirectory;
  const rustLog = environment['RUST_LOG'];
  if (rustLog) settings.log_level = toLogLevel(rustLog);
  for (const [name, [key, read]] of Object.entries(readers)) {
    const text = environment[name];
    if (text !== undefined && text !== '') settings[key] = read(text);
  }
  return Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined));
}

/** Names the environment variable that a setting was read from, for error messages. */
export function variableOf(key: string): string {
  if (key === 'data_dir') return 'BIGBOX_DATA_DIR';
  return Object.entries(readers).find(([, [setting]]) => setting === key)?.[0] ?? key;
}

/** Where data and caches are kept when nothing is configured (XDG base directory specification). */
export function defaultDirectories(environment: Environment): { readonly data: string; readonly cache: string } {
  const home = environment['HOME'] ?? homedir();
  return {
    data: join(environment['XDG_DATA_HOME'] || join(home, '.local', 'share'), 'bigbox'),
    cache: join(environment['XDG_CACHE_HOME'] || join(home, '.cache'), 'bigbox'),
  };
}
