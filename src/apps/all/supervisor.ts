import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { identifyProcess, isRunning, signalGroup } from '../../lib/process-identity.ts';
import { Service, type ServiceDefinition, type ServiceOptions } from './service.ts';
import { type SupervisorState, readState, writeState } from './state.ts';
import { trimLog } from './trim-log.ts';

export interface SupervisorOptions extends Omit<ServiceOptions, 'onChange'> {
  readonly dataDir: string;
  readonly fingerprint: string;
  readonly url: string;
  readonly vmUrl: string;
  readonly modelUrl: string;
  /** In the order of their start; they are stopped in the reverse one. */
  readonly services: readonly ServiceDefinition[];
  /** How often the logs are looked at. */
  readonly logIntervalMs?: number;
  readonly logLimitBytes?: number;
}

export interface Supervisor {
  readonly services: readonly Service[];
  /** Stops all services in reverse order and resolves when they are gone. */
  stop(): Promise<void>;
}

/** Starts all services and keeps them running, after clearing away what a killed predecessor left. */
export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  await stopLeftovers(options);
  for (const { logFile } of options.services) await mkdir(dirname(logFile), { recursive: true });
  let writing = Promise.resolve();
  const services: Service[] = [];
  const record = (): void => {
    writing = writing
      .then(() => writeState(options.dataDir, toState(options, services)))
      .catch((error: unknown) => options.logger.error({ err: error }, 'The state of the services cannot be written.'));
  };
  for (const definition of options.services) services.push(new Service(definition, { ...options, onChange: record }));
  for (const service of services) service.start();
  record();
  await writing;
  const watching = new AbortController();
  const watched = watchLogs(options, watching.signal);
  return {
    services,
    async stop() {
      watching.abort();
      await watched;
      for (const service of services.toReversed()) await service.stop();
      await writing;
    },
  };
}

function toState(options: SupervisorOptions, services: readonly Service[]): SupervisorState {
  const supervisor = identifyProcess(process.pid);
  if (supervisor === undefined) throw new Error('This process does not find itself in /proc.');
  return {
    supervisor,
    fingerprint: options.fingerprint,
    url: options.url,
    vmUrl: options.vmUrl,
    modelUrl: options.modelUrl,
    services: services.map(({ definition, state, restarts, process: running }) => ({
      name: definition.name,
      state,
      restarts,
      ...(running === undefined ? {} : { process: running }),
      log: definition.logFile,
    })),
  };
}

/** Ends the recorded services of a supervisor that was killed. Those that have ended, or whose id another process has now, are left. */
export async function stopLeftovers(
  options: Pick<SupervisorOptions, 'dataDir' | 'clock' | 'logger' | 'graceMs'>,
): Promise<void> {
  const { clock, logger, graceMs = 8000 } = options;
  const recorded = (await readState(options.dataDir))?.services.toReversed() ?? [];
  for (const { name, process: left } of recorded) {
    if (left === undefined || !isRunning(left)) continue;
    logger.warn({ name, pid: left.pid }, 'A service of an earlier supervisor still runs and is stopped.');
    process.kill(left.pid, 'SIGTERM');
    const deadline = clock.monotonic() + graceMs;
    while (isRunning(left) && clock.monotonic() < deadline) await clock.sleep(50);
    signalGroup(left.pid, 'SIGKILL');
    while (isRunning(left)) await clock.sleep(20);
  }
}

async function watchLogs(options: SupervisorOptions, signal: AbortSignal): Promise<void> {
  const { clock, logger, logIntervalMs = 20_000, logLimitBytes = 16 * 1024 * 1024 } = options;
  while (!signal.aborted) {
    for (const { logFile } of options.services)
      await trimLog(logFile, logLimitBytes).catch((error: unknown) =>
        logger.warn({ err: error, log: logFile }, 'A log cannot be shortened.'),
      );
    await clock.sleep(logIntervalMs, signal).catch(() => undefined);
  }
}
