import { randomBytes } from 'node:crypto';
import { access, chmod } from 'node:fs/promises';
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
import { type Confinement, toUserId } from '../process/confinement.ts';
import { type MachinePlace, removeLeftovers } from '../process/leftovers.ts';
import { toMachineName } from '../process/machine-name.ts';
import { verifyFile } from '../storage/hashed-files.ts';
import { readDisk } from '../storage/kept-disk.ts';
import { VmmProcess } from '../process/vmm-process.ts';
import { adoptMachine } from './adopt.ts';
import { ApiClient } from './api-client.ts';
import { describeMachine } from './boot-machine.ts';
import { FirecrackerMachine } from './firecracker-machine.ts';
import { Jail, jailFiles } from './jail.ts';
import { tracesOfFirecracker } from './leftovers.ts';
import { type FirecrackerProbe, probeFirecracker } from './probe.ts';
import { readSnapshot } from './snapshot-files.ts';
import { copySparse, createOverlay, linkOrCopy } from './sparse-files.ts';

export interface FirecrackerOptions {
  /** Holds one directory per machine; nobody else writes there. */
  readonly runDirectory: string;
  readonly binary: string;
  readonly jailer: string;
  /** Versions that are used although they are old or have known faults. */
  readonly allowedVersions?: readonly string[];
  /** How much a machine may write on its disk beyond its image. */
  readonly overlayBytes?: number;
  readonly logger: Logger;
}

const startTimeoutMs = 30_000;
const defaultOverlayBytes = 1024 * 1024 * 1024;

/** Runs microVMs with Firecracker in its jailer, on KVM. The service must be root for that. */
export class FirecrackerDriver implements Driver {
  readonly name = 'firecracker';
  readonly #options: FirecrackerOptions;
  readonly #users = new Set<number>();
  #probe: Promise<FirecrackerProbe> | undefined;
  /** Drivers beside each other should not give their machines the same users. */
  #slot = randomBytes(2).readUInt16BE();

  constructor(options: FirecrackerOptions) {
    this.#options = options;
  }

  async probe(): Promise<DriverCapabilities> {
    return (await this.#found()).capabilities;
  }

  /** There is no Firecracker without KVM. */
  async fallBack(): Promise<boolean> {
    return false;
  }

  async boot(spec: MachineSpec, disk?: KeptDisk): Promise<Machine> {
    const { overlayBytes = defaultOverlayBytes } = this.#options;
    const machine = await this.#launch(spec, 'VM_BOOT_FAILED', (jail) => {
      const overlay = jail.file(jailFiles.overlay);
      return disk === undefined
        ? createOverlay(overlay, overlayBytes)
        : copySparse(join(disk.directory, jailFiles.overlay), overlay);
    });
    return machine.start(async () => {
      await describeMachine(machine.api, spec);
      await machine.jail.seal();
      await machine.api.call('PUT', '/actions', { action_type: 'InstanceStart' });
    });
  }

  bootTemplate(spec: MachineSpec): Promise<Machine> {
    return this.boot(spec);
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
    await access(snapshot.spec.disk).catch((cause: unknown) => {
      const path = snapshot.spec.disk;
      const message = `The snapshot needs ${path}, which is gone.`;
      throw new BigboxError('VM_SNAPSHOT_FAILED', { message, context: { directory, path }, cause });
    });
    return snapshot;
  }

  async importSnapshot(directory: string): Promise<Snapshot> {
    const message = 'Firecracker takes in no snapshots that were made elsewhere yet.';
    throw new BigboxError('NOT_SUPPORTED', { message, context: { directory } });
  }

  async prelaunch(snapshot: Snapshot): Promise<WaitingMachine> {
    await verifyFile(snapshot, jailFiles.deviceState);
    const { directory, spec } = snapshot;
    const waiting = await this.#launch(spec, 'VM_SNAPSHOT_FAILED', async (jail) => {
      await Promise.all([
        copySparse(join(directory, jailFiles.overlay), jail.file(jailFiles.overlay)),
        copySparse(join(directory, jailFiles.deviceState), jail.file(jailFiles.deviceState)),
        linkOrCopy(join(directory, jailFiles.memory), jail.file(jailFiles.memory)),
      ]);
      await jail.grant(jailFiles.deviceState, 0o400);
      await chmod(jail.file(jailFiles.memory), 0o444);
    });
    const restore = (): Promise<Machine> =>
      waiting.start(async () => {
        await waiting.api.call('PUT', '/snapshot/load', {
          snapshot_path: `/${jailFiles.deviceState}`,
          mem_backend: { backend_type: 'File', backend_path: `/${jailFiles.memory}` },
        });
        await waiting.jail.seal();
        await waiting.api.call('PATCH', '/vm', { state: 'Resumed' });
      });
    const { machine } = waiting;
    return { id: machine.id, exited: machine.exited, restore, destroy: () => machine.destroy() };
  }

  /** Nothing is kept for restores but files of the snapshot itself. */
  async forget(): Promise<void> {
    await Promise.resolve();
  }

  async adopt(record: MachineRecord): Promise<Machine> {
    const machine = await adoptMachine(record, await this.#place());
    this.#users.add(machine.userId);
    void machine.exited.then(() => this.#users.delete(machine.userId));
    return machine;
  }

  async removeLeftovers(kept: ReadonlySet<string>): Promise<readonly string[]> {
    return removeLeftovers(await this.#place(), tracesOfFirecracker(this.#options.runDirectory), kept);
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }

  /** No two machines that are there have the same user: one could signal the other. */
  #takeUser(confinement: Confinement): number {
    for (;;) {
      this.#slot += 1;
      const userId = toUserId(confinement, this.#slot);
      if (userId === undefined) throw new Error('machines cannot be given users of their own here');
      if (this.#users.has(userId)) continue;
      this.#users.add(userId);
      return userId;
    }
  }

  async #place(): Promise<MachinePlace> {
    const { confinement } = await this.#found();
    return { runDirectory: this.#options.runDirectory, groups: confinement.groups };
  }

  #found(): Promise<FirecrackerProbe> {
    const { binary, jailer, allowedVersions = [] } = this.#options;
    this.#probe ??= probeFirecracker({ binary, jailer, allowedVersions });
    this.#probe.catch(() => (this.#probe = undefined));
    return this.#probe;
  }

  /** Starts a jailed process that waits for orders, with its files in place. */
  async #launch(spec: MachineSpec, failure: ErrorCode, addDisk: (jail: Jail) => Promise<void>): Promise<Launched> {
    const { capabilities, confinement } = await this.#found();
    const { runDirectory, binary, jailer } = this.#options;
    const userId = this.#takeUser(confinement);
    const id = randomBytes(6).toString('hex');
    const name = toMachineName(runDirectory, id);
    const jail = await Jail.create({ runDirectory, name, userId });
    const release = async (): Promise<void> => {
      await confinement.groups?.remove(name);
      this.#users.delete(userId);
    };
    let started: VmmProcess | undefined;
    try {
      await addDisk(jail);
      await jail.grant(jailFiles.overlay, 0o600);
      for (const [source, target] of [
        [spec.kernel, jailFiles.kernel],
        [spec.initramfs, jailFiles.initramfs],
        [spec.disk, jailFiles.disk],
      ] as const)
        await linkOrCopy(source, jail.file(target));
      await confinement.groups?.add(name, toMemoryLimit(spec));
      const command = toCommand({
        binary,
        jailer,
        name,
        userId,
        runDirectory,
        namespaces: confinement.namespaces ?? [],
      });
      started = VmmProcess.launch({ command, directory: runDirectory, files: [] });
      if (started.launcherPid !== undefined) await confinement.groups?.enter(name, started.launcherPid);
      const api = await connect(started, jail);
      // It would write on the console, whose reader may die: the signal of that makes it write again, and wait for itself for ever.
      await api.call('PUT', '/logger', { level: 'Off' });
      const machine = new FirecrackerMachine({
        id,
        spec,
        process: started,
        api,
        jail,
        maker: toMaker(capabilities),
        release,
      });
      return new Launched(machine, { api, jail, failure });
    } catch (cause) {
      await started?.kill();
      await jail.remove();
      await release();
      throw toFailure(failure, cause, id);
    }
  }
}

interface LaunchedParts {
  readonly api: ApiClient;
  readonly jail: Jail;
  /** What its first order is a part of. */
  readonly failure: ErrorCode;
}

/** A process that waits for its first order. */
class Launched {
  readonly machine: FirecrackerMachine;
  readonly api: ApiClient;
  readonly jail: Jail;
  readonly #failure: ErrorCode;

  constructor(machine: FirecrackerMachine, { api, jail, failure }: LaunchedParts) {
    this.machine = machine;
    this.api = api;
    this.jail = jail;
    this.#failure = failure;
  }

  async start(order: () => Promise<unknown>): Promise<Machine> {
    try {
      await order();
      return this.machine;
    } catch (cause) {
      await this.machine.destroy();
      throw toFailure(this.#failure, cause, this.machine.id);
    }
  }
}

async function connect(started: VmmProcess, jail: Jail): Promise<ApiClient> {
  const gone = new AbortController();
  const late = AbortSignal.timeout(startTimeoutMs);
  void started.exited.then((exit) => gone.abort(new Error(exit.detail)));
  const socketPath = jail.socket(jailFiles.api);
  await new ApiClient({ socketPath, signal: AbortSignal.any([gone.signal, late]) }).ready();
  return new ApiClient({ socketPath, signal: gone.signal });
}

interface CommandParts extends Pick<FirecrackerOptions, 'binary' | 'jailer' | 'runDirectory'> {
  readonly name: string;
  readonly userId: number;
  readonly namespaces: readonly string[];
}

/** Firecracker writes the console of its guest to its standard output, which becomes the console's descriptor. */
const toConsole = ['sh', '-c', 'exec "$@" >&3 3>&-', 'sh'] as const;

function toCommand({
  binary,
  jailer,
  runDirectory,
  name,
  userId,
  namespaces,
}: CommandParts): readonly [string, ...string[]] {
  const user = String(userId);
  const jail = ['--id', name, '--exec-file', binary, '--uid', user, '--gid', user, '--chroot-base-dir', runDirectory];
  const limits = ['--resource-limit', 'no-file=256'];
  const vmm = ['--', '--api-sock', `/${jailFiles.api}`];
  return [...toConsole, 'unshare', ...namespaces, '--', jailer, ...jail, ...limits, ...vmm];
}

/** The guest's memory twice, for a snapshot in a file system in memory counts too, and room for the process. */
const toMemoryLimit = (spec: MachineSpec): number => (spec.memoryMib * 2 + 128) * 1024 * 1024;

const toMaker = ({ driver, version, accelerator, cpu }: DriverCapabilities) => ({ driver, version, accelerator, cpu });

const describeMaker = (maker: Pick<Snapshot, 'driver' | 'version' | 'accelerator' | 'cpu'>): string =>
  `${maker.driver} ${maker.version} with ${maker.accelerator} (processor: ${maker.cpu})`;

function toFailure(code: ErrorCode, cause: unknown, machine: string): BigboxError {
  if (cause instanceof BigboxError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new BigboxError(code, { message: `Firecracker: ${reason}.`, context: { machine }, cause });
}
