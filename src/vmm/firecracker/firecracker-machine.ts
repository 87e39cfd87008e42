import { mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BigboxError } from '../../contracts/errors.ts';
import { connectGuest, type GuestConnection } from '../../guest/index.ts';
import type {
  Capture,
  KeptDisk,
  Machine,
  MachineExit,
  MachineMemory,
  MachineRecord,
  MachineSpec,
  Snapshot,
} from '../driver.ts';
import { identify, type MachineProcess } from '../process/machine-process.ts';
import { diskSpaceOf, hashFiles } from '../storage/hashed-files.ts';
import { writeDiskManifest } from '../storage/kept-disk.ts';
import type { ApiClient } from './api-client.ts';
import { agentPort } from './boot-machine.ts';
import { type Jail, jailFiles } from './jail.ts';
import { writeManifest } from './snapshot-files.ts';
import { copyDurably } from './sparse-files.ts';

/** What made the machine and its snapshots. */
type Maker = Pick<Snapshot, 'driver' | 'version' | 'accelerator' | 'cpu'>;

export interface FirecrackerMachineParts {
  readonly id: string;
  readonly spec: MachineSpec;
  readonly process: MachineProcess;
  readonly api: ApiClient;
  readonly jail: Jail;
  readonly maker: Maker;
  /** Gives back what the driver keeps for the machine. */
  readonly release: () => Promise<void>;
}

const saved = { memory: `${jailFiles.out}/memory`, deviceState: `${jailFiles.out}/state` } as const;

/** One jailed Firecracker process with a guest in it, or waiting for one. */
export class FirecrackerMachine implements Machine {
  readonly id: string;
  readonly pid: number;
  /** Firecracker resets them when it writes a snapshot. */
  readonly keepsConnections = false;
  readonly exited: Promise<MachineExit>;
  readonly #parts: FirecrackerMachineParts;
  #destroyed: Promise<void> | undefined;

  constructor(parts: FirecrackerMachineParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.pid = parts.process.pid;
    this.exited = parts.process.exited;
  }

  /** The user that its process runs as. */
  get userId(): number {
    return this.#parts.jail.userId;
  }

  /** The first connection after a restore may be reset; the greeting dials again. */
  async connect(signal: AbortSignal): Promise<GuestConnection> {
    const gone = new AbortController();
    void this.exited.then(({ detail }) =>
      gone.abort(new BigboxError('VM_LOST', { message: `The VM ended: ${detail}.`, context: { machine: this.id } })),
    );
    return connectGuest({
      socketPath: this.#parts.jail.socket(jailFiles.vsock),
      preamble: `CONNECT ${agentPort}\n`,
      signal: AbortSignal.any([signal, gone.signal]),
    });
  }

  pause(): Promise<void> {
    return this.#order('Paused');
  }

  resume(): Promise<void> {
    return this.#order('Resumed');
  }

  async freeze(directory: string): Promise<Snapshot> {
    try {
      await this.#parts.api.call('PATCH', '/vm', { state: 'Paused' });
      await this.#save(directory);
      return await this.#takeSaved(directory);
    } catch (cause) {
      await rm(directory, { recursive: true, force: true });
      throw this.#failure('frozen', cause, directory);
    } finally {
      await this.destroy();
    }
  }

  async capture(directory: string): Promise<Capture> {
    try {
      await this.#save(directory);
    } catch (cause) {
      await rm(directory, { recursive: true, force: true });
      throw this.#failure('captured', cause, directory);
    }
    let isComplete = false;
    return {
      complete: async () => {
        try {
          const snapshot = await this.#takeSaved(directory);
          isComplete = true;
          return snapshot;
        } catch (cause) {
          throw this.#failure('captured', cause, directory);
        }
      },
      close: async () => {
        if (!isComplete) await rm(directory, { recursive: true, force: true });
      },
    };
  }

  async keepDisk(directory: string): Promise<KeptDisk> {
    const { spec, maker, jail } = this.#parts;
    try {
      await mkdir(directory, { mode: 0o700 });
      await copyDurably(jail.file(jailFiles.overlay), join(directory, jailFiles.overlay));
      const layers = [jailFiles.overlay];
      const [files, storedBytes] = await Promise.all([hashFiles(directory, layers), diskSpaceOf(directory, layers)]);
      return await writeDiskManifest({ directory, driver: maker.driver, spec, layers, files, storedBytes });
    } catch (cause) {
      await rm(directory, { recursive: true, force: true });
      throw this.#failure('captured', cause, directory);
    }
  }

  record(): MachineRecord {
    const { spec, maker, jail } = this.#parts;
    return { id: this.id, driver: maker.driver, facts: { ...identify(this.pid), spec, maker, userId: jail.userId } };
  }

  consoleTail(): string {
    return this.#parts.process.console;
  }

  async memory(): Promise<MachineMemory> {
    const text = await readFile(`/proc/${this.pid}/smaps_rollup`, 'utf8');
    const read = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1] ?? 0) * 1024;
    return { proportionalBytes: read('Pss'), residentBytes: read('Rss') };
  }

  destroy(): Promise<void> {
    this.#destroyed ??= (async (): Promise<void> => {
      await this.#parts.process.kill();
      await this.#parts.jail.remove();
      await this.#parts.release();
    })();
    return this.#destroyed;
  }

  /** Has Firecracker write memory and devices of the standing guest into its jail, and copies its disk into the directory. */
  async #save(directory: string): Promise<void> {
    const { api, jail } = this.#parts;
    await mkdir(directory, { mode: 0o700 });
    await api.call('PUT', '/snapshot/create', {
      snapshot_type: 'Full',
      snapshot_path: `/${saved.deviceState}`,
      mem_file_path: `/${saved.memory}`,
    });
    await copyDurably(jail.file(jailFiles.overlay), join(directory, jailFiles.overlay));
  }

  /** Makes what was saved a snapshot. It lies where the process may write, and the process may have been taken over: nothing is followed. */
  async #takeSaved(directory: string): Promise<Snapshot> {
    const { jail } = this.#parts;
    try {
      await copyDurably(jail.file(saved.deviceState), join(directory, jailFiles.deviceState));
      await copyDurably(jail.file(saved.memory), join(directory, jailFiles.memory));
      return await writeManifest({ directory, ...this.#origin() });
    } finally {
      for (const name of Object.values(saved)) await rm(jail.file(name), { force: true });
    }
  }

  #origin(): Pick<Snapshot, 'spec' | 'driver' | 'version' | 'accelerator' | 'cpu'> {
    const { spec, maker } = this.#parts;
    return { spec, ...maker };
  }

  async #order(state: 'Paused' | 'Resumed'): Promise<void> {
    try {
      await this.#parts.api.call('PATCH', '/vm', { state });
    } catch (cause) {
      throw new BigboxError('VM_LOST', {
        message: `The VM does not take orders: ${(cause as Error).message}.`,
        context: { machine: this.id },
        cause,
      });
    }
  }

  #failure(what: string, cause: unknown, directory: string): BigboxError {
    const { message, code } = cause as NodeJS.ErrnoException;
    return new BigboxError(code === 'ENOSPC' ? 'DISK_FULL' : 'VM_SNAPSHOT_FAILED', {
      message: `The VM could not be ${what}: ${message}.`,
      context: { directory, machine: this.id },
      cause,
    });
  }
}
