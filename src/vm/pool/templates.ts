import { createHash } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BigboxError } from '../../contracts/errors.ts';
import type { Clock } from '../../lib/clock.ts';
import type { Logger } from '../../lib/log.ts';
import type { Driver, Machine, MachineSpec, Snapshot } from '../../vmm/index.ts';
import { toSpec, type VmImage } from './vm-image.ts';

export interface TemplateOptions {
  readonly driver: Driver;
  readonly directory: string;
  readonly image: VmImage;
  readonly vcpus: number;
  readonly memoryMib: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

const bootTimeoutMs = 90_000;
/** The agent must have seen the host leave before it is frozen, or every clone begins with a failed greeting. */
const settleMs = 300;

/** The frozen machine that all clones of a VM type start from, made once per image, driver and size. */
export class Template {
  readonly #options: TemplateOptions;
  #current: Promise<Snapshot> | undefined;
  #isBuilding = false;

  constructor(options: TemplateOptions) {
    this.#options = options;
  }

  /** Gives the snapshot, made now where there is none that fits. Throws VM_BOOT_FAILED, VM_SNAPSHOT_FAILED, VMM_MISSING. */
  snapshot(): Promise<Snapshot> {
    this.#current ??= this.#findOrBuild();
    this.#current.catch(() => (this.#current = undefined));
    return this.#current;
  }

  /** Starts a machine of its own, without a snapshot. The caller destroys it. Throws VM_BOOT_FAILED, VMM_MISSING. */
  boot(): Promise<Machine> {
    return this.#options.driver.boot(this.#spec);
  }

  get #spec(): MachineSpec {
    return toSpec(this.#options.image, this.#options);
  }

  /** Throws the snapshot away, so that the next call builds it again; one that is being built just now is kept. */
  async discard(reason: string): Promise<void> {
    if (this.#isBuilding || this.#current === undefined) return;
    const { logger, image, driver } = this.#options;
    logger.warn({ template: image.name, reason }, 'template is sick and will be built again');
    this.#current = undefined;
    await driver.close();
    await rm(await this.#directory(), { recursive: true, force: true });
  }

  async #findOrBuild(): Promise<Snapshot> {
    const { driver, image, logger } = this.#options;
    const directory = await this.#directory();
    await this.#removeOthers(directory);
    try {
      return await driver.loadSnapshot(directory);
    } catch (error) {
      logger.info({ template: image.name, reason: (error as Error).message }, 'template is built');
      await rm(directory, { recursive: true, force: true });
    }
    this.#isBuilding = true;
    return this.#build(directory).finally(() => (this.#isBuilding = false));
  }

  async #build(directory: string): Promise<Snapshot> {
    const { driver, image, clock, logger } = this.#options;
    const startedAt = clock.monotonic();
    const machine = await driver.bootTemplate(this.#spec);
    try {
      await awaitAgent(machine);
      const bootMs = Math.round(clock.monotonic() - startedAt);
      await clock.sleep(settleMs);
      const snapshot = await machine.freeze(directory);
      logger.info({ template: image.name, boot_ms: bootMs }, 'template is ready');
      return snapshot;
    } finally {
      await machine.destroy();
    }
  }

  async #directory(): Promise<string> {
    const { driver, image, vcpus, memoryMib, directory } = this.#options;
    const { version, accelerator } = await driver.probe();
    const identity = JSON.stringify([
      image.hash,
      image.commandLine,
      driver.name,
      version,
      accelerator,
      vcpus,
      memoryMib,
    ]);
    const key = createHash('sha256').update(identity).digest('hex').slice(0, 24);
    return join(directory, `${image.name}-${key}`);
  }

  /** Templates of images and drivers that are no longer used. */
  async #removeOthers(kept: string): Promise<void> {
    const { directory, image } = this.#options;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      if (name.startsWith(`${image.name}-`) && path !== kept) await rm(path, { recursive: true, force: true });
    }
  }
}

async function awaitAgent(machine: Machine): Promise<void> {
  const timeout = AbortSignal.timeout(bootTimeoutMs);
  try {
    const connection = await machine.connect(timeout);
    await connection.agent.info({}, { signal: timeout });
    connection.close();
  } catch (cause) {
    const console = machine.consoleTail().slice(-4000);
    throw new BigboxError('VM_BOOT_FAILED', {
      message: `The agent did not answer: ${timeout.aborted ? `${bootTimeoutMs / 1000} s passed` : (cause as Error).message}.`,
      context: { console },
      cause,
    });
  }
}
