import { join } from 'node:path';
import { type SupervisorState, fingerprintOf, needsModelService, readLiveState, tryLock } from '../apps/all/index.ts';
import {
  type Machine,
  inspectMachine,
  requireDisk,
  requireFreePort,
  serviceSteps,
  setupSteps,
} from '../apps/setup/index.ts';
import type { Configuration } from '../config/index.ts';
import { BigboxError } from '../contracts/errors.ts';
import { version } from '../lib/version.ts';
import { type InstanceFlags, configurationOf, requireRunning, toEnvironment } from './instance.ts';
import { root } from './root.ts';
import { type SetUpOptions, agreeOnPackages, showSteps } from './set-up.ts';

export interface BroughtUp {
  readonly configuration: Configuration;
  readonly state: SupervisorState;
  /** Names of the steps that failed; what they carry does not work. */
  readonly failedSteps: readonly string[];
}

function describeMachine(machine: Machine): string {
  const { system, cores, memoryBytes, hasKvm } = machine;
  const size = `${cores} ${cores === 1 ? 'core' : 'cores'}, ${Math.round(memoryBytes / 2 ** 30)} GB`;
  const kvm = hasKvm ? '' : ' No KVM: microVMs will be emulated (slower; emulation is not called a security boundary).';
  return `Bigbox ${version} on ${system}, ${size}.${kvm}`;
}

async function requirePorts(
  { port, vmPort, execution, modelPort, model }: Configuration,
  ownModel: boolean,
): Promise<void> {
  await requireFreePort(port, { flag: '--port', use: 'the pages and the API' });
  if (execution.enabled) await requireFreePort(vmPort, { flag: '--vm-port', use: 'the VM service' });
  if (ownModel && model.baseUrl === undefined)
    await requireFreePort(modelPort, { flag: '--model-port', use: 'the built-in model' });
}

/**
 * Brings an instance up: checks the machine, sets up what is missing, starts the services and waits until they serve. Fast where all
 * of it is done. Throws CONFIG_INVALID, PORT_IN_USE, MACHINE_NOT_SUPPORTED, DISK_FULL, SETUP_STEP_FAILED, CONFLICT.
 */
export async function bringUp(flags: InstanceFlags, options: SetUpOptions): Promise<BroughtUp> {
  const configuration = configurationOf(flags);
  const lock = tryLock(join(configuration.dataDir, 'run', 'up.lock'));
  if (lock === undefined)
    throw new BigboxError('CONFLICT', {
      message: `Another bigbox sets up ${configuration.dataDir} right now.`,
      remedy: 'Wait until it has ended.',
    });
  try {
    return await bringUpLocked(configuration, flags, options);
  } finally {
    lock.release();
  }
}

async function bringUpLocked(
  configuration: Configuration,
  flags: InstanceFlags,
  options: SetUpOptions,
): Promise<BroughtUp> {
  const { cacheDir, dataDir } = configuration;
  const machine = await inspectMachine(cacheDir);
  const running = await readLiveState(dataDir);
  // While it runs, the answer at the model's port is its own; what was started tells.
  const ownModel =
    running === undefined
      ? await needsModelService(configuration)
      : running.services.some(({ name }) => name === 'model-service');
  if (running === undefined) {
    process.stderr.write(`${describeMachine(machine)}\n`);
    requireDisk(machine, cacheDir);
    await requirePorts(configuration, ownModel);
  }
  for (const warning of configuration.warnings) process.stderr.write(`warning: ${warning}\n`);
  const environment = toEnvironment(flags);
  const missingPackages = await agreeOnPackages({ machine: true, extra: [] }, options);
  const setup = setupSteps({ configuration, environment, root, missingPackages, models: ownModel ? ['default'] : [] });
  const wanted = setup.filter(
    ({ name }) => configuration.execution.enabled || !['guest agent', 'vm image'].includes(name),
  );
  const prepared = await showSteps(wanted, { ...options, cores: machine.cores });
  const mustRestart = running !== undefined && running.fingerprint !== (await fingerprintOf(configuration, root));
  const start = serviceSteps({ configuration, environment, mustRestart, isRunning: running !== undefined }).filter(
    ({ name }) => name !== 'template' || !prepared.some((step) => ['guest agent', 'vm image'].includes(step)),
  );
  const started = await showSteps(start, { ...options, cores: machine.cores });
  return { configuration, state: await requireRunning(configuration), failedSteps: [...prepared, ...started] };
}
