import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { addVmRoutes } from '../../api/vms/index.ts';
import type { Language } from '../../contracts/execution.ts';
import { createRemoteAuthenticator } from '../../gateway/index.ts';
import { createHttpServer, listen } from '../../http/index.ts';
import type { Logger } from '../../lib/log.ts';
import { type HookOptions, type PoolSize, type VmImage, type VmLimits, VmService } from '../../vm/index.ts';
import { QemuDriver } from '../../vmm/index.ts';
import { addVmMetrics, createVmMetrics } from './measure.ts';
import { chooseDriver, type CreateDriver, type DriverWish } from './choose-driver.ts';
import { createStartHerald } from './start-herald.ts';

/** Everything that the VM service runs by. */
export interface VmServiceAppOptions {
  /** The service owns `vms/` in it. */
  readonly dataDir: string;
  readonly host?: string;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly pool: PoolSize;
  readonly vmMemoryMib: number;
  readonly maxVms: number;
  readonly maxOutputBytes: number;
  /** The other limits; the defaults without it. */
  readonly limits?: Partial<VmLimits>;
  readonly languages: readonly Language[];
  readonly validateCode: boolean;
  readonly maxCodeLength: number;
  readonly hooks: HookOptions;
  readonly timeoutMs: number;
  /** Bearer token among our own processes. */
  readonly serviceKey: string;
  /** Where the agent server says who other keys and sessions belong to. */
  readonly verifyUrl: string;
  /** The model service that is asked to step back while VMs start. */
  readonly modelServiceUrl?: string;
  readonly allowedOrigins: readonly string[];
  readonly openOnLoopback: boolean;
  /** What runs the VMs; QEMU with what works here where absent. */
  readonly driver?: DriverWish;
  readonly loadImage: (signal: AbortSignal) => Promise<VmImage>;
  readonly logger: Logger;
}

export interface RunningVmService {
  readonly url: string;
  /** For those who run it in process: resolves when the pool is full. */
  ready(signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

/** Starts the VM service; it answers at once, and executions wait for the first VM. Throws CONFLICT, PORT_IN_USE. */
export async function startVmService(options: VmServiceAppOptions): Promise<RunningVmService> {
  const { logger } = options;
  const herald = options.modelServiceUrl === undefined ? undefined : createStartHerald(options.modelServiceUrl, logger);
  const { metrics, meter } = createVmMetrics();
  const createQemu: CreateDriver = (runDirectory) => new QemuDriver({ runDirectory, logger });
  const createDriver = options.driver === undefined ? createQemu : await chooseDriver(options.driver, logger);
  const service = new VmService({
    directory: join(options.dataDir, 'vms'),
    createDriver,
    loadImage: options.loadImage,
    pool: options.pool,
    vcpus: 1,
    memoryMib: options.vmMemoryMib,
    policy: {
      allowedLanguages: options.languages,
      maxCodeLength: options.maxCodeLength,
      validateCode: options.validateCode,
    },
    hooks: options.hooks,
    defaultTimeoutMs: options.timeoutMs,
    limits: { ...options.limits, maxVms: options.maxVms, maxOutputBytes: options.maxOutputBytes },
    concurrentStarts: availableParallelism(),
    meter,
    ...(herald === undefined ? {} : { onStarting: herald }),
    logger,
  });
  try {
    const app = await createHttpServer({
      service: 'fcctl-web',
      title: 'Bigbox VM service',
      description: 'Runs code in microVMs. The routes of upstream, and the same below /api/v1.',
      logger,
      authenticate: createRemoteAuthenticator(options),
      allowedOrigins: options.allowedOrigins,
    });
    addVmMetrics(app, service, metrics);
    addVmRoutes(app, service);
    const url = await listen(app, {
      port: options.port,
      ...(options.host === undefined ? {} : { host: options.host }),
    });
    return {
      url,
      ready: (signal) => service.ready(signal),
      close: async (): Promise<void> => {
        await Promise.all([app.close(), service.close()]);
      },
    };
  } catch (error) {
    await service.close();
    throw error;
  }
}
