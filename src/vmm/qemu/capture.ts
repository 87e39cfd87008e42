import { chmod, constants, copyFile, mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BigboxError } from '../../contracts/errors.ts';
import type { Capture, Snapshot } from '../driver.ts';
import { captureMemory, type MemoryCapture } from './capture-memory.ts';
import { descriptors, fileNames, layerName } from './command-line.ts';
import type { MachineDirectory } from './machine-directory.ts';
import type { QmpClient } from './qmp.ts';
import { writeManifest } from './snapshot-files.ts';

/** A restored machine that stands still, and what it was made with. */
export interface StandingMachine extends Pick<Snapshot, 'spec' | 'driver' | 'version' | 'accelerator' | 'cpu'> {
  readonly pid: number;
  readonly control: QmpClient;
  readonly machine: MachineDirectory;
  /** Layers of its snapshot in its directory. */
  readonly frozenLayers: number;
}

/** Copies what a standing machine changed. Throws VM_SNAPSHOT_FAILED, DISK_FULL; the directory is removed then. */
export async function captureMachine(standing: StandingMachine, directory: string): Promise<Capture> {
  const { pid, control, machine, frozenLayers, ...origin } = standing;
  try {
    if (frozenLayers === 0) throw new Error('it was booted, and only a restored machine can be captured');
    await mkdir(directory, { mode: 0o700 });
    // Stopping has written the caches of the disk layer to its file.
    const layers = Array.from({ length: frozenLayers + 1 }, (_, index) => layerName(index));
    for (const [index, name] of layers.entries())
      await copyDurably(machine.file(index < frozenLayers ? name : fileNames.layer), join(directory, name));
    await saveDevices(control, machine, join(directory, fileNames.deviceState));
    const memory = await captureMemory(pid, descriptors.memory, join(directory, fileNames.memory));
    return new MachineCapture(memory, { directory, layers, ...origin });
  } catch (cause) {
    await rm(directory, { recursive: true, force: true });
    throw toFailure(cause, directory);
  }
}

class MachineCapture implements Capture {
  readonly #memory: MemoryCapture;
  readonly #parts: Omit<Snapshot, 'files'>;
  #isComplete = false;

  constructor(memory: MemoryCapture, parts: Omit<Snapshot, 'files'>) {
    this.#memory = memory;
    this.#parts = parts;
  }

  async complete(): Promise<Snapshot> {
    try {
      await this.#memory.complete();
      const snapshot = await writeManifest(this.#parts);
      this.#isComplete = true;
      return snapshot;
    } catch (cause) {
      throw toFailure(cause, this.#parts.directory);
    }
  }

  async close(): Promise<void> {
    await this.#memory.close();
    if (!this.#isComplete) await rm(this.#parts.directory, { recursive: true, force: true });
  }
}

/** QEMU writes a file of its own user in its own directory; `live: false` leaves the disk to it. */
async function saveDevices(control: QmpClient, machine: MachineDirectory, target: string): Promise<void> {
  const source = machine.file(fileNames.savedState);
  try {
    await control.execute('xen-save-devices-state', { filename: fileNames.savedState, live: false });
    await copyDurably(source, target);
  } finally {
    await rm(source, { force: true });
  }
}

/** Where the file system can, both files share their blocks. */
async function copyDurably(source: string, target: string): Promise<void> {
  await copyFile(source, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
  await chmod(target, 0o600);
  const file = await open(target, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

function toFailure(cause: unknown, directory: string): BigboxError {
  const { message, code } = cause as NodeJS.ErrnoException;
  return new BigboxError(code === 'ENOSPC' ? 'DISK_FULL' : 'VM_SNAPSHOT_FAILED', {
    message: `The VM could not be captured: ${message}.`,
    context: { directory },
    cause,
  });
}
