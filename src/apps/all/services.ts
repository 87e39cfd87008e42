import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Configuration, Environment } from '../../config/index.ts';
import { ensureIdentityKey, restateCommand } from '../../engine/index.ts';
import { nodeFlags } from '../../lib/node-flags.ts';
import { ensureServiceKey, instanceFiles } from './instance-files.ts';
import { logFileOf } from './log-file.ts';
import { needsModelService } from './needs-model-service.ts';
import type { ServiceDefinition } from './service.ts';

const program = (name: string): string => join(import.meta.dirname, '..', name, 'main.ts');

/**
 * Lays out folders and keys of an instance and says which services it consists of, in the order of their start.
 * Throws MACHINE_NOT_SUPPORTED, CONFIG_INVALID as `restateCommand` does.
 */
export async function defineServices(
  configuration: Configuration,
  environment: Environment,
): Promise<readonly ServiceDefinition[]> {
  const { dataDir } = configuration;
  await mkdir(dataDir, { recursive: true, mode: 0o700 });
  await chmod(dataDir, 0o700);
  const files = instanceFiles(dataDir);
  await ensureServiceKey(dataDir);
  await ensureIdentityKey(files.restateIdentity);
  const restate = restateCommand({ directory: files.restateDirectory, identityKeyFile: files.restateIdentity });
  const own = (name: string): ServiceDefinition => ({
    name,
    file: process.execPath,
    args: [...nodeFlags, program(name)],
    environment,
    logFile: logFileOf(dataDir, name),
  });
  return [
    {
      name: 'restate',
      file: restate.file,
      args: restate.args,
      environment: restate.env,
      logFile: logFileOf(dataDir, 'restate'),
    },
    ...((await needsModelService(configuration)) ? [own('model-service')] : []),
    ...(configuration.execution.enabled ? [own('fcctl-web')] : []),
    own('terraphim-server'),
  ];
}
