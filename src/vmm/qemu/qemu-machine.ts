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
import { captureMachine } from './capture.ts';
import { descriptors, fileNames, layerName } from './command-line.ts';
import { keepDisk } from './freeze-disk.ts';
import { KeptPages } from './kept-pages.ts';
import type { Lineage } from './lineage.ts';
import { type MachineDirectory, takeOver } from './machine-directory.ts';
import { identify, type MachineProcess } from '../process/machine-process.ts';
import type { PageBuffers } from './page-buffers.ts';
import { pagesPerMebibyte } from './page-map.ts';
import { PrivateMemory } from './private-pages.ts';
import type { QmpClient } from './qmp.ts';
import { receiveFile } from './receive-file.ts';
import type { MachineOrigin } from './standing-machine.ts';
import { diskSpaceOf, hashFiles } from '../storage/hashed-files.ts';
import { writeManifest } from './snapshot-files.ts';

export interface QemuMachineParts {
  readonly id: string;
  readonly spec: MachineSpec;
  readonly process: MachineProcess;
  readonly control: QmpClient;
  readonly directory: MachineDirectory;
  readonly maker: Omit<MachineOrigin, 'spec'>;
  /** What it came from; absent of a machine that is to be frozen. */
  readonly lineage: Lineage | undefined;
  /** Owns its files; absent where that is the user of this service. */
  readonly userId: number | undefined;
  readonly buffers: PageBuffers;
  /** Gives back what the driver keeps for the machine: its user id and control group. */
  readonly release: () => Promise<void>;
}

/** Memory that another process maps too is neither saved nor loaded. */
const migrationCapabilities = {
  capabilities: [
    { capability: 'x-ignore-shared', state: true },
    { capability: 'events', state: true },
  ],
};

/** One QEMU process with a guest in it, or waiting for one. */
export class QemuMachine implements Machine {
  readonly id: string;
  readonly pid: number;
  readonly keepsConnections = true;
  readonly exited: Promise<MachineExit>;
  readonly #parts: QemuMachineParts;
  #destroyed: Promise<void> | undefined;

  constructor(parts: QemuMachineParts) {
    this.#parts = parts;
    this.id = parts.id;
    this.pid = parts.process.pid;
    this.exited = parts.process.exited;
  }

  async connect(signal: AbortSignal): Promise<GuestConnection> {
    const socketPath = this.#parts.directory.socket(fileNames.agent);
    // Dialling must end with the machine: the path names a descriptor, whose number the next machine's directory gets.
    const gone = new AbortController();
    void this.exited.then(({ detail }) =>
      gone.abort(new BigboxError('VM_LOST', { message: `The VM ended: ${detail}.`, context: { machine: this.id } })),
    );
    return connectGuest({ socketPath, signal: AbortSignal.any([signal, gone.signal]) });
  }

  pause(): Promise<void> {
    return this.#order('stop');
  }

  resume(): Promise<void> {
    return this.#order('cont');
  }

  async freeze(directory: string): Promise<Snapshot> {
    try {
      await mkdir(directory, { mode: 0o700 });
      await this.#saveDevices(join(directory, fileNames.deviceState));
      await this.#endProcess();
      const layers = [layerName(0)];
      await takeOver(this.#parts.directory.file(fileNames.memory), join(directory, fileNames.memory));
      await takeOver(this.#parts.directory.file(layerName(0)), join(directory, layerName(0)));
      const files = await hashFiles(directory, [fileNames.memory, fileNames.deviceState, ...layers]);
      const storedBytes = await diskSpaceOf(directory, Object.keys(files));
      return await writeManifest({ directory, layers, files, storedBytes, ...this.#origin() });
    } catch (cause) {
      await rm(directory, { recursive: true, force: true });
      throw new BigboxError('VM_SNAPSHOT_FAILED', {
        message: `The VM could not be frozen: ${(cause as Error).message}.`,
        context: { directory },
        cause,
      });
    } finally {
      await this.destroy();
    }
  }

  capture(directory: string): Promise<Capture> {
    return captureMachine({ ...this.#parts, pid: this.pid, origin: this.#origin() }, directory);
  }

  keepDisk(directory: string): Promise<KeptDisk> {
    return keepDisk({ ...this.#parts, pid: this.pid, origin: this.#origin() }, directory);
  }

  record(): MachineRecord {
    const { spec, maker } = this.#parts;
    const facts = { ...identify(this.pid), spec, maker };
    return { id: this.id, driver: maker.driver, facts };
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
      await this.#endProcess();
      await this.#parts.directory.remove();
      await this.#parts.lineage?.remove();
      await this.#parts.release();
    })();
    return this.#destroyed;
  }

  /** Gives the waiting process the pages that the machine of its snapshot had changed. Throws a plain error. */
  async loadPages(snapshot: Snapshot): Promise<void> {
    const pages = await KeptPages.open(snapshot.directory, snapshot.spec.memoryMib * pagesPerMebibyte);
    try {
      if (pages.map.runs.length === 0) return;
      const memory = await PrivateMemory.open(this.pid, descriptors.memory, 'r+');
      try {
        await pages.load(memory);
      } finally {
        await memory.close();
      }
    } finally {
      await pages.close();
    }
  }

  /** Loads the device state that the process inherited and lets the guest run. Throws a plain error with the reason. */
  async loadInherited(): Promise<void> {
    const { control, process } = this.#parts;
    await control.execute('migrate-set-capabilities', migrationCapabilities);
    const ended = endOfMigration(control);
    const refused = process.exited.then((exit) => {
      throw new Error(exit.detail);
    });
    refused.catch(() => undefined);
    await control.execute('migrate-incoming', { uri: `fd:${descriptors.deviceState}` });
    await Promise.race([ended.catch(() => refused), refused]);
    // The guest was stopped when its state was saved, and comes back stopped.
    await control.execute('cont');
  }

  #origin(): MachineOrigin {
    const { spec, maker } = this.#parts;
    return { spec, ...maker };
  }

  async #saveDevices(path: string): Promise<void> {
    const { control, directory } = this.#parts;
    await control.execute('stop');
    await control.execute('migrate-set-capabilities', migrationCapabilities);
    const receiver = await receiveFile(directory.socket(fileNames.migration), path);
    try {
      const ended = endOfMigration(control);
      await control.execute('migrate', { uri: `unix:${fileNames.migration}` });
      await ended;
      await receiver.received;
    } finally {
      receiver.close();
    }
  }

  /** A VM that no longer takes orders is as good as gone. */
  async #order(command: 'stop' | 'cont'): Promise<void> {
    try {
      await this.#parts.control.execute(command);
    } catch (cause) {
      throw new BigboxError('VM_LOST', {
        message: `The VM does not take orders: ${(cause as Error).message}.`,
        context: { machine: this.id },
        cause,
      });
    }
  }

  async #endProcess(): Promise<void> {
    await this.#parts.process.kill();
    this.#parts.control.close();
  }
}

/** Resolves when QEMU has written or read the state. Throws a plain error when it could not. */
async function endOfMigration(control: QmpClient): Promise<void> {
  const ended = control.nextEvent(
    ({ name, data }) => name === 'MIGRATION' && (data['status'] === 'completed' || data['status'] === 'failed'),
  );
  ended.catch(() => undefined);
  if ((await ended).data['status'] === 'failed') throw new Error('the state of the devices could not be transferred');
}
