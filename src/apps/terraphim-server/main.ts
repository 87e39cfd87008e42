import { fileURLToPath } from 'node:url';
import { Command } from 'commander';
import { loadConfiguration, redactSecrets } from '../../config/index.ts';
import { toBigboxError } from '../../contracts/errors.ts';
import { createLogger } from '../../lib/log.ts';
import { version } from '../../lib/version.ts';
import { startAgentServer } from './index.ts';

const pagesDir = fileURLToPath(new URL('../../../dist/web', import.meta.url));

async function main(file: string | undefined): Promise<void> {
  const configuration = loadConfiguration(file === undefined ? {} : { file });
  const logger = createLogger('terraphim-server', configuration.logLevel);
  for (const warning of configuration.warnings) logger.warn(warning);
  const server = await startAgentServer({
    ...configuration,
    modelServiceUrl: `http://127.0.0.1:${configuration.modelPort}`,
    configuration: redactSecrets(configuration.document),
    notices: configuration.warnings,
    pagesDir,
    logger,
  });
  logger.info({ url: server.url }, 'the agent server listens');
  const stop = (): void => {
    server.close().then(
      () => process.exit(0),
      (error: unknown) => {
        logger.error({ err: error }, 'the agent server could not stop cleanly');
        process.exit(1);
      },
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, stop);
}

const { config } = new Command('terraphim-server')
  .description('The agent server of Bigbox: workflows, their events, and the pages.')
  .version(version)
  .option('--config <file>', 'configuration file; BIGBOX_CONFIG otherwise')
  .parse()
  .opts<{ config?: string }>();

try {
  await main(config);
} catch (error) {
  const { message, code, remedy } = toBigboxError(error);
  console.error(`error: ${message} ${remedy} (${code})`);
  if (code === 'INTERNAL') console.error(error);
  process.exitCode = 1;
}
