import { parseArgs } from 'node:util';
import { fileURLToPath } from 'node:url';
import { type Configuration, loadConfiguration, processEnvironment } from '../../config/index.ts';
import { ensureGuestAgent, ensureImage } from '../../images/index.ts';
import { createLogger, type Logger } from '../../lib/log.ts';
import { templateName, type VmImage } from '../../vm/index.ts';
import { ensureServiceKey } from '../all/instance-files.ts';
import { toHooks } from './hooks.ts';
import { startVmService } from './index.ts';

/** Gives the image out of the cache, building what is missing there. */
async function loadImage(configuration: Configuration, logger: Logger, signal: AbortSignal): Promise<VmImage> {
  const onProgress = ({ step }: { readonly step: string }): void => logger.info({ step }, 'image');
  const common = { cacheDir: configuration.cacheDir, environment: processEnvironment(), signal, onProgress };
  const sourceDir = fileURLToPath(new URL('../../../guest', import.meta.url));
  const agentPath = await ensureGuestAgent({ ...common, sourceDir });
  const image = await ensureImage({ ...common, agentPath });
  return {
    name: templateName,
    hash: image.id,
    kernel: image.kernelPath,
    initramfs: image.initramfsPath,
    disk: image.rootPath,
    commandLine: image.kernelArguments,
  };
}

const { values: flags } = parseArgs({ options: { host: { type: 'string' }, port: { type: 'string' } } });
const configuration = loadConfiguration();
const logger = createLogger('fcctl-web', configuration.logLevel);
for (const warning of configuration.warnings) logger.warn(warning);
const serviceKey = await ensureServiceKey(configuration.dataDir);
const service = await startVmService({
  dataDir: configuration.dataDir,
  host: flags.host ?? configuration.host,
  port: flags.port === undefined ? configuration.vmPort : Number(flags.port),
  driver: {
    ...configuration.vmm,
    accelerator: 'auto',
    searchPath: processEnvironment()['PATH'] ?? '',
    cacheDir: configuration.cacheDir,
  },
  pool: configuration.execution.pool,
  vmMemoryMib: configuration.limits.vmMemoryMib,
  maxVms: configuration.limits.maxVms,
  maxOutputBytes: configuration.limits.maxOutputBytes,
  limits: configuration.limits,
  languages: configuration.execution.languages,
  validateCode: configuration.execution.validateCode,
  maxCodeLength: configuration.execution.maxCodeLength,
  hooks: toHooks(configuration, serviceKey),
  timeoutMs: configuration.execution.timeoutMs,
  serviceKey,
  verifyUrl: `http://127.0.0.1:${configuration.port}/api/v1/auth/verify`,
  modelServiceUrl: `http://127.0.0.1:${configuration.modelPort}`,
  allowedOrigins: configuration.allowedOrigins,
  openOnLoopback: configuration.openOnLoopback,
  loadImage: (signal) => loadImage(configuration, logger, signal),
  logger,
});
logger.info({ url: service.url }, 'listening');

for (const signal of ['SIGTERM', 'SIGINT'] as const)
  process.once(signal, () => {
    logger.info({ signal }, 'stopping');
    service.close().then(
      () => process.exit(0),
      (error: Error) => {
        logger.error({ err: error }, 'could not stop cleanly');
        process.exit(1);
      },
    );
  });
