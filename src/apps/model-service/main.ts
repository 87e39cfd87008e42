import { homedir } from 'node:os';
import { loadConfiguration, processEnvironment } from '../../config/index.ts';
import { toBigboxError } from '../../contracts/errors.ts';
import { instanceOf } from '../../lib/instance.ts';
import { createLogger } from '../../lib/log.ts';
import { modelSources } from '../setup/model-sources.ts';
import { chooseModel } from './choose-model.ts';
import { startModelService } from './index.ts';

/** The process of the model service: reads the configuration, starts, and stops cleanly on SIGTERM. */
async function main(): Promise<void> {
  const configuration = loadConfiguration();
  const logger = createLogger('model-service', configuration.logLevel);
  const { cacheDir, dataDir, host, modelPort: port } = configuration;
  const sources = modelSources({ home: processEnvironment()['HOME'] ?? homedir() });
  const model = await chooseModel(configuration.model.name, cacheDir);
  const service = await startModelService({
    cacheDir,
    dataDir,
    instance: instanceOf(dataDir),
    host,
    port,
    logger,
    sources,
  });
  logger.info({ url: service.url, model }, 'The model service listens.');
  const stopping = new AbortController();
  const stop = (): void => {
    if (stopping.signal.aborted) return;
    stopping.abort(new Error('The model service is stopping.'));
    service.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'The model service did not stop cleanly.');
        process.exit(1);
      },
    );
  };
  process.once('SIGTERM', stop);
  process.once('SIGINT', stop);
  await service.prepare(model, stopping.signal).catch((error: unknown) => {
    if (!stopping.signal.aborted)
      logger.error({ err: error, model }, 'The model is not ready; calls say so until it is.');
  });
}

main().catch((thrown: unknown) => {
  const error = toBigboxError(thrown);
  process.stderr.write(`${error.message} ${error.remedy}\n`);
  if (error.code === 'INTERNAL') process.stderr.write(`${String(error.cause)}\n`);
  process.exit(1);
});
