import { randomBytes } from 'node:crypto';
import { access, open, rm, stat, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { BigboxError, type ErrorCode } from '../../contracts/errors.ts';
import type { Logger } from '../../lib/log.ts';
import type {
  Driver,
  DriverCapabilities,
  KeptDisk,
  Machine,
  MachineRecord,
  MachineSpec,
  Snapshot,
  WaitingMachine,
} from '../driver.ts';
import { adoptMachine } from './adopt.ts';
import { maxBatchesHeld, pagesPerBatch } from './capture-memory.ts';
import { findCapabilities, type QemuProbe } from './capabilities.ts';
import { fileNames, toCommandLine } from './command-line.ts';
import { toUserId, wrap } from '../process/confinement.ts';
import { assertPlainLayer } from './foreign-layer.ts';
import { removeLeftovers } from '../process/leftovers.ts';
import { toMachineName } from '../process/machine-name.ts';
import { tracesOfQemu } from './leftovers.ts';
import { KeptPages } from './kept-pages.ts';
import { Lineage, lineageDirectory, nextLayer } from './lineage.ts';
import { MachineDirectory } from './machine-directory.ts';
import { writeEmptyLayer } from './overlay-disk.ts';
import { PageBuffers } from './page-buffers.ts';
import { pageBytes, pagesPerMebibyte } from './page-map.ts';
import { QemuMachine } from './qemu-machine.ts';
import { QmpClient } from './qmp.ts';
import { verifyFile } from '../storage/hashed-files.ts';
import { readDisk } from '../storage/kept-disk.ts';
import { readSnapshot, writeManifest } from './snapshot-files.ts';
import { TemplateMemories } from './template-memories.ts';
import { VmmProcess } from '../process/vmm-process.ts';

export interface QemuOptions {
  /** Holds one directory per machine; nobody else writes there. */
  readonly runDirectory: string;
  readonly binary?: string;
  /** `auto` takes KVM where a virtual CPU really runs. */
  readonly accelerator?: 'auto' | 'kvm' | 'tcg';
  /** What is lost because this driver was taken, one sentence each. */
  readonly lost?: readonly string[];
  readonly logger: Logger;
}

/** What a machine begins with; a template is booted too, and is to be frozen. */
type Beginning =
  | { readonly role: 'template' }
  | { readonly role: 'booted'; readonly disk: KeptDisk | undefined }
  | { readonly role: 'clone'; readonly snapshot: Snapshot };

interface LaunchOptions {
  readonly spec: MachineSpec;
  readonly beginning: Beginning;
  readonly failure: ErrorCode;
}

const startTimeoutMs = 20_000;

/** Runs microVMs with QEMU: KVM where it works, else emulated. */
export class QemuDriver implements Driver {
  readonly name = 'qemu';
  readonly #options: QemuOptions;
  readonly #memories: TemplateMemories;
  readonly #buffers = new PageBuffers(pagesPerBatch * pageBytes, maxBatchesHeld);
  #probe: Promise<QemuProbe> | undefined;
  #kvmFault: string | undefined;
  /** Drivers beside each other should not give their machines the same users. */
  #slot = randomBytes(2).readUInt16BE();

  constructor(options: QemuOptions) {
    this.#options = options;
    this.#memories = new TemplateMemories(options.logger);
  }

  async probe(): Promise<DriverCapabilities> {
    const { capabilities } = await this.#found();
    return { ...capabilities, missing: [...capabilities.missing, ...(this.#options.lost ?? [])] };
  }

  async fallBack(reason: string): Promise<boolean> {
    const { accelerator } = await this.probe();
    if (accelerator !== 'kvm' || this.#options.accelerator === 'kvm') return false;
    this.#kvmFault = reason;
    this.#probe = undefined;
    return true;
  }

  boot(spec: MachineSpec, disk?: KeptDisk): Promise<Machine> {
    return this.#launch({ spec, beginning: { role: 'booted', disk }, failure: 'VM_BOOT_FAILED' });
  }

  bootTemplate(spec: MachineSpec): Promise<Machine> {
    return this.#launch({ spec, beginning: { role: 'template' }, failure: 'VM_BOOT_FAILED' });
  }

  loadDisk(directory: string): Promise<KeptDisk> {
    return readDisk(directory, this.name);
  }

  async loadSnapshot(directory: string): Promise<Snapshot> {
    const [snapshot, capabilities] = await Promise.all([readSnapshot(directory), this.probe()]);
    const made = describeMaker(snapshot);
    const here = describeMaker(capabilities);
    if (made !== here)
      throw new BigboxError('VM_SNAPSHOT_FAILED', {
        message: `The snapshot was made by ${made}; here is ${here}.`,
        context: { directory },
      });
    for (const path of [snapshot.spec.kernel, snapshot.spec.initramfs, snapshot.spec.disk])
      await access(path).catch((cause: unknown) => {
        const message = `The snapshot needs ${path}, which is gone.`;
        throw new BigboxError('VM_SNAPSHOT_FAILED', { message, context: { directory, path }, cause });
      });
    return snapshot;
  }

  async importSnapshot(directory: string, spec: MachineSpec): Promise<Snapshot> {
    const snapshot = await readSnapshot(directory);
    const { vcpus, memoryMib } = snapshot.spec;
    try {
      if (vcpus > spec.vcpus || memoryMib > spec.memoryMib)
        throw new Error(`its machine has ${vcpus} processors and ${memoryMib} MiB, and here is less`);
      if ((await stat(join(directory, fileNames.memory))).size !== memoryMib * 1024 * 1024)
        throw new Error('its memory is not as large as its machine says');
      for (const name of snapshot.layers) await assertPlainLayer(join(directory, name));
      await KeptPages.open(directory, memoryMib * pagesPerMebibyte).then((pages) => pages.close());
    } catch (cause) {
      throw new BigboxError('VM_SNAPSHOT_FAILED', {
        message: `The snapshot is not taken in: ${(cause as Error).message}.`,
        context: { directory },
        cause,
      });
    }
    await writeManifest({ ...snapshot, spec: { ...spec, vcpus, memoryMib } });
    return this.loadSnapshot(directory);
  }

  async prelaunch(snapshot: Snapshot): Promise<WaitingMachine> {
    await verifyFile(snapshot, fileNames.deviceState);
    const beginning = { role: 'clone', snapshot } as const;
    const machine = await this.#launch({ spec: snapshot.spec, beginning, failure: 'VM_SNAPSHOT_FAILED' });
    try {
      await machine.loadPages(snapshot);
    } catch (cause) {
      await machine.destroy();
      throw toFailure('VM_SNAPSHOT_FAILED', cause, machine.id);
    }
    const restore = async (): Promise<Machine> => {
      try {
        await machine.loadInherited();
        return machine;
      } catch (cause) {
        await machine.destroy();
        throw toFailure('VM_SNAPSHOT_FAILED', cause, machine.id);
      }
    };
    return { id: machine.id, exited: machine.exited, restore, destroy: () => machine.destroy() };
  }

  forget(snapshot: Snapshot): Promise<void> {
    return this.#memories.forget(snapshot);
  }

  async adopt(record: MachineRecord): Promise<Machine> {
    const { confinement } = await this.#found();
    const { runDirectory } = this.#options;
    return adoptMachine(record, { runDirectory, groups: confinement.groups, buffers: this.#buffers });
  }

  async removeLeftovers(kept: ReadonlySet<string>): Promise<readonly string[]> {
    const { runDirectory } = this.#options;
    const { groups } = (await this.#found()).confinement;
    return removeLeftovers({ runDirectory, groups }, tracesOfQemu(runDirectory), kept);
  }

  close(): Promise<void> {
    return this.#memories.close();
  }

  #found(): Promise<QemuProbe> {
    const { binary = 'qemu-system-x86_64', accelerator = 'auto' } = this.#options;
    this.#probe ??= findCapabilities(binary, { accelerator, kvmFault: this.#kvmFault });
    this.#probe.catch(() => (this.#probe = undefined));
    return this.#probe;
  }

  async #launch({ spec, beginning, failure }: LaunchOptions): Promise<QemuMachine> {
    const { capabilities, confinement, binary } = await this.#found();
    this.#slot += 1;
    const userId = toUserId(confinement, this.#slot);
    const id = randomBytes(6).toString('hex');
    const directory = await MachineDirectory.create(join(this.#options.runDirectory, id), userId);
    const files: FileHandle[] = [];
    let started: VmmProcess | undefined;
    let lineage: Lineage | undefined;
    const name = toMachineName(this.#options.runDirectory, id);
    const release = async (): Promise<void> => confinement.groups?.remove(name);
    try {
      lineage = await beginLineage(lineageDirectory(directory.path), spec, beginning);
      const frozen = lineage?.heritage.layers ?? [];
      const layer = nextLayer(frozen);
      await writeEmptyLayer(directory.file(layer), (await stat(spec.disk)).size, userId);
      const descriptors = await this.#openFiles(files, { spec, beginning, lineage });
      await confinement.groups?.add(name, toMemoryLimit(spec));
      const { accelerator } = capabilities;
      const { role } = beginning;
      const line = toCommandLine({ binary, name, accelerator, spec, role, frozenLayers: frozen.length, layer });
      const command = await wrap(confinement, userId, line);
      started = VmmProcess.launch({ command, directory: directory.path, files: descriptors });
      const control = await this.#control(started, directory, (pid) => confinement.groups?.enter(name, pid));
      const { driver, version, cpu } = capabilities;
      const maker = { driver, version, accelerator, cpu };
      return new QemuMachine({
        id,
        spec,
        process: started,
        control,
        directory,
        maker,
        lineage,
        userId,
        release,
        buffers: this.#buffers,
      });
    } catch (cause) {
      await started?.kill();
      await directory.remove();
      await rm(lineageDirectory(directory.path), { recursive: true, force: true });
      await release();
      throw toFailure(failure, cause, id);
    } finally {
      await Promise.all(files.map((file) => file.close()));
    }
  }

  /** In the order of `descriptors`. Those pushed to `files` are closed after the start; the memory stays open for the next clone. */
  async #openFiles(files: FileHandle[], { spec, beginning, lineage }: Launching): Promise<readonly number[]> {
    const add = async (path: string): Promise<number> => {
      const file = await open(path);
      files.push(file);
      return file.fd;
    };
    const plain = [await add(spec.kernel), await add(spec.initramfs), await add(spec.disk)];
    if (beginning.role === 'template' || lineage === undefined) return plain;
    const { directory, heritage } = lineage;
    const clone = beginning.role === 'clone' ? beginning.snapshot : undefined;
    const memory = await this.#openMemory(clone ?? { directory, files: heritage.files }, clone !== undefined);
    files.push(memory);
    // A machine that is booted has no state to load, and its layers come behind the place of that.
    const state = clone === undefined ? '/dev/null' : join(clone.directory, fileNames.deviceState);
    const opened = [...plain, memory.fd, await add(state)];
    for (const name of heritage.layers) opened.push(await add(join(directory, name)));
    return opened;
  }

  /** A descriptor of its own: the shared one may be closed while the machine starts. It is kept for further machines, or not. */
  async #openMemory(origin: Pick<Snapshot, 'directory' | 'files'>, keep: boolean): Promise<FileHandle> {
    const { confinement } = await this.#found();
    const memory = await this.#memories.open(origin, confinement.firstUserId !== undefined);
    try {
      return await memory.open();
    } finally {
      if (!keep) await this.#memories.forget(origin);
    }
  }

  async #control(
    started: VmmProcess,
    directory: MachineDirectory,
    confine: (pid: number) => Promise<void> | undefined,
  ): Promise<QmpClient> {
    const gone = new AbortController();
    const timer = setTimeout(() => gone.abort(new Error('QEMU did not start in time')), startTimeoutMs);
    void started.exited.then((exit) => gone.abort(new Error(exit.detail)));
    try {
      if (started.launcherPid !== undefined) await confine(started.launcherPid);
      const control = await QmpClient.connect(directory.socket(fileNames.control), gone.signal);
      await confine(started.pid);
      return control;
    } finally {
      clearTimeout(timer);
    }
  }
}

interface Launching extends Pick<LaunchOptions, 'spec' | 'beginning'> {
  readonly lineage: Lineage | undefined;
}

/** What the machine may be captured with; a template is frozen instead. */
async function beginLineage(path: string, spec: MachineSpec, beginning: Beginning): Promise<Lineage | undefined> {
  if (beginning.role === 'template') return undefined;
  if (beginning.role === 'clone') return Lineage.create(path, beginning.snapshot);
  return Lineage.begin(path, spec, beginning.disk);
}

/** The guest's memory, what translation and devices need, and room for page tables. */
const toMemoryLimit = (spec: MachineSpec): number => (Math.ceil(spec.memoryMib * 1.1) + 384) * 1024 * 1024;

const describeMaker = (maker: Pick<Snapshot, 'driver' | 'version' | 'accelerator' | 'cpu'>): string =>
  `${maker.driver} ${maker.version} with ${maker.accelerator} (processor: ${maker.cpu})`;

function toFailure(code: ErrorCode, cause: unknown, machine: string): BigboxError {
  if (cause instanceof BigboxError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BigboxError(code, { message: `QEMU: ${reason}.`, context: { machine }, cause });
}
