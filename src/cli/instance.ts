import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { type SupervisorState, instanceFiles, readLiveState } from '../apps/all/index.ts';
import { type Configuration, type Environment, loadConfiguration, processEnvironment } from '../config/index.ts';
import { BigboxError } from '../contracts/errors.ts';
import { type AgentClient, createAgentClient } from '../sdk/index.ts';
import { allowOriginFlag } from './flags/allow-origin.ts';
import { configFlag } from './flags/config.ts';
import { dataDirFlag } from './flags/data-dir.ts';
import { modelPortFlag } from './flags/model-port.ts';
import { openOnLoopbackFlag } from './flags/open-on-loopback.ts';
import { portFlag } from './flags/port.ts';
import { vmPortFlag } from './flags/vm-port.ts';

/** The flags that say which instance is meant and how it is configured. */
export interface InstanceFlags {
  readonly port?: number;
  readonly vmPort?: number;
  readonly modelPort?: number;
  readonly dataDir?: string;
  readonly config?: string;
  readonly openOnLoopback?: true;
  readonly allowOrigin?: readonly string[];
}

/** Adds the flags that choose an instance which runs already. */
export const withInstanceFlags = (command: Command): Command =>
  command.addOption(dataDirFlag()).addOption(configFlag());

/** Adds the flags that configure an instance to be started. */
export const withStartFlags = (command: Command): Command =>
  withInstanceFlags(command.addOption(portFlag()).addOption(vmPortFlag()).addOption(modelPortFlag()))
    .addOption(openOnLoopbackFlag())
    .addOption(allowOriginFlag());

/** The environment that hands flags on to the services, which are configured by it alone. */
export function toEnvironment(flags: InstanceFlags, environment: Environment = processEnvironment()): Environment {
  const set = {
    BIGBOX_PORT: flags.port?.toString(),
    BIGBOX_VM_PORT: flags.vmPort?.toString(),
    BIGBOX_MODEL_PORT: flags.modelPort?.toString(),
    BIGBOX_DATA_DIR: flags.dataDir,
    BIGBOX_CONFIG: flags.config,
    BIGBOX_OPEN_ON_LOOPBACK: flags.openOnLoopback === true ? '1' : undefined,
    BIGBOX_ALLOW_ORIGIN: flags.allowOrigin?.join(','),
  };
  return { ...environment, ...Object.fromEntries(Object.entries(set).filter(([, value]) => value !== undefined)) };
}

/** Loads the configuration that flags and environment mean. Throws CONFIG_UNREADABLE, CONFIG_INVALID. */
export const configurationOf = (flags: InstanceFlags): Configuration =>
  loadConfiguration({
    ...(flags.config === undefined ? {} : { file: flags.config }),
    flags: {
      ...(flags.port === undefined ? {} : { port: flags.port }),
      ...(flags.vmPort === undefined ? {} : { vm_port: flags.vmPort }),
      ...(flags.modelPort === undefined ? {} : { model_port: flags.modelPort }),
      ...(flags.dataDir === undefined ? {} : { data_dir: flags.dataDir }),
      ...(flags.openOnLoopback === undefined ? {} : { open_on_loopback: flags.openOnLoopback }),
      ...(flags.allowOrigin === undefined ? {} : { allow_origins: [...flags.allowOrigin] }),
    },
  });

/** The instance that is meant, where it runs. Throws SERVICE_NOT_RUNNING. */
export async function requireRunning(configuration: Configuration): Promise<SupervisorState> {
  const state = await readLiveState(configuration.dataDir);
  if (state !== undefined) return state;
  throw new BigboxError('SERVICE_NOT_RUNNING', {
    message: `No Bigbox runs with the data of ${configuration.dataDir}.`,
    context: { data_dir: configuration.dataDir },
  });
}

/** The key with which the command line acts for the owner of an instance. Throws CONFIG_UNREADABLE. */
export async function keyOf(configuration: Configuration): Promise<string> {
  const path = instanceFiles(configuration.dataDir).serviceKey;
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    throw new BigboxError('CONFIG_UNREADABLE', {
      message: `The key of this instance, ${path}, cannot be read: ${(error as Error).message}.`,
      context: { file: path },
      remedy: 'Run it as the user who started this Bigbox.',
      cause: error,
    });
  }
}

/** A client that acts for the owner at the address where the instance really listens. Throws CONFIG_UNREADABLE. */
export const clientOf = async (configuration: Configuration, baseUrl: string): Promise<AgentClient> =>
  createAgentClient({ baseUrl, key: await keyOf(configuration) });
