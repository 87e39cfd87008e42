import { join, resolve } from 'node:path';
import { loadConfiguration, processEnvironment } from '../../config/index.ts';
import { BigboxError, toBigboxError } from '../../contracts/errors.ts';
import { systemClock } from '../../lib/clock.ts';
import { createLogger } from '../../lib/log.ts';
import { fingerprintOf } from './fingerprint.ts';
import { tryLock } from './lock.ts';
import { defineServices } from './services.ts';
import { startSupervisor, stopLeftovers } from './supervisor.ts';

const root = resolve(import.meta.dirname, '..', '..', '..');

/** The process of the supervisor: configured by the environment alone, stopped by SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const configuration = loadConfiguration();
  const { dataDir, host, port, vmUrl, modelPort, model } = configuration;
  const lock = tryLock(join(dataDir, 'run', 'supervisor.lock'));
  if (lock === undefined)
    throw new BigboxError('CONFLICT', {
      message: `Another supervisor runs the services of ${dataDir}.`,
      remedy: 'Stop it with bigbox down, or choose another --data-dir.',
    });
  const logger = createLogger('supervisor', configuration.logLevel);
  // Before it is decided what is needed: a model service that was left behind would be taken for an Ollama.
  await stopLeftovers({ dataDir, clock: systemClock, logger });
  const supervisor = await startSupervisor({
    dataDir,
    fingerprint: await fingerprintOf(configuration, root),
    url: `http://${host}:${port}`,
    vmUrl,
    modelUrl: model.baseUrl ?? `http://${host}:${modelPort}`,
    services: await defineServices(configuration, processEnvironment()),
    clock: systemClock,
    logger,
  });
  logger.info({ services: supervisor.services.map(({ definition }) => definition.name) }, 'The services are started.');
  let stopping = false;
  const stop = (): void => {
    if (stopping) return;
    stopping = true;
    supervisor.stop().then(
      () => {
        logger.info('All services are stopped.');
        lock.release();
        process.exit(0);
      },
      (error: unknown) => {
        logger.error({ err: error }, 'The services could not be stopped.');
        process.exit(1);
      },
    );
  };
  process.on('SIGTERM', stop);
  process.on('SIGINT', stop);
}

main().catch((thrown: unknown) => {
  const { message, remedy, code, cause } = toBigboxError(thrown);
  console.error(`error: ${message} ${remedy} (${code})`);
  if (code === 'INTERNAL') console.error(cause);
  process.exit(1);
});
