import { randomBytes } from 'node:crypto';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Capture, Snapshot } from '../driver.ts';
import { captureMemory } from './capture-memory.ts';
import { fileNames } from './command-line.ts';
import { freezeDisk, storeLayers, toCaptureFailure } from './freeze-disk.ts';
import { KeptPages } from './kept-pages.ts';
import type { Lineage } from './lineage.ts';
import { keepFile } from './machine-directory.ts';
import type { PageBuffers } from './page-buffers.ts';
import { encodePageMap, pagesPerMebibyte } from './page-map.ts';
import { type PageBatch, PageWriter } from './page-writer.ts';
import type { MachineOrigin, StandingMachine } from './standing-machine.ts';
import { copyDurably, diskSpaceOf, writeDurably } from '../storage/hashed-files.ts';
import { writeManifest } from './snapshot-files.ts';

type Hashes = Readonly<Record<string, string>>;

/** What was taken while the machine stood still. */
interface Taken {
  readonly directory: string;
  readonly lineage: Lineage;
  readonly layers: readonly string[];
  readonly savedState: string;
  readonly origin: MachineOrigin;
  readonly parent: KeptPages;
  readonly writer: PageWriter;
  readonly batches: readonly PageBatch[];
  readonly buffers: PageBuffers;
  readonly release: () => Promise<void>;
}

/** Copies what a standing machine has changed. Throws VM_SNAPSHOT_FAILED, DISK_FULL; the directory is removed then. */
export async function captureMachine(machine: StandingMachine, directory: string): Promise<Capture> {
  const { lineage } = machine;
  if (lineage === undefined) throw toCaptureFailure(new Error('it was booted to be frozen'), directory);
  const release = lineage.hold();
  // QEMU works on devices and disk while this copies memory, which neither of them changes.
  const work = [takeMemory(machine, lineage, directory), saveDevices(machine), freezeDisk(machine, lineage)] as const;
  const [memory, savedState] = await Promise.allSettled(work);
  try {
    const [taken, state, layers] = await Promise.all(work);
    return new MachineCapture({ ...taken, ...machine, directory, lineage, layers, savedState: state, release });
  } catch (cause) {
    if (memory.status === 'fulfilled') await Promise.all([memory.value.parent.close(), memory.value.writer.close()]);
    if (savedState.status === 'fulfilled') await rm(savedState.value, { force: true });
    await rm(directory, { recursive: true, force: true });
    await release();
    throw toCaptureFailure(cause, directory);
  }
}

/** What is there of the memory: the pages that are not as in the template, and what they are compared with. */
async function takeMemory(
  { pid, origin, buffers }: StandingMachine,
  { directory: ancestors }: Lineage,
  directory: string,
): Promise<Pick<Taken, 'parent' | 'writer' | 'batches'>> {
  await mkdir(directory, { mode: 0o700 });
  const parent = await KeptPages.open(ancestors, origin.spec.memoryMib * pagesPerMebibyte);
  let writer: PageWriter | undefined;
  try {
    writer = await PageWriter.create(directory, parent);
    return { parent, writer, batches: await captureMemory(pid, writer, buffers) };
  } catch (error) {
    await Promise.all([parent.close(), writer?.close()]);
    throw error;
  }
}

class MachineCapture implements Capture {
  readonly #taken: Taken;
  /** Of the files that were shared when this was taken: the lineage may have gone on since. */
  readonly #hashes: Hashes;
  #isComplete = false;

  constructor(taken: Taken) {
    this.#taken = taken;
    this.#hashes = taken.lineage.heritage.files;
  }

  async complete(): Promise<Snapshot> {
    const { directory, origin, lineage, layers } = this.#taken;
    try {
      const [pages, state, ownLayers] = await Promise.all([
        this.#storePages(),
        this.#storeState(),
        this.#storeLayers(),
      ]);
      const added = { ...pages.hashes, ...state, ...ownLayers };
      const storedBytes = await diskSpaceOf(directory, Object.keys(added));
      const shared = await this.#share([fileNames.memory, ...pages.names, ...layers], added);
      const files = { ...shared, ...added };
      const snapshot = await writeManifest({ directory, ...origin, layers, files, storedBytes });
      await lineage.advance(snapshot);
      this.#isComplete = true;
      return snapshot;
    } catch (cause) {
      throw toCaptureFailure(cause, directory);
    }
  }

  async close(): Promise<void> {
    const { directory, parent, writer, savedState, release } = this.#taken;
    await Promise.all([parent.close(), writer.close(), rm(savedState, { force: true })]);
    if (!this.#isComplete) await rm(directory, { recursive: true, force: true });
    await release();
  }

  async #storePages(): Promise<{ readonly names: readonly string[]; readonly hashes: Hashes }> {
    const { directory, writer, batches, buffers } = this.#taken;
    for (const batch of batches) {
      await writer.append(batch);
      buffers.give(batch.content);
    }
    const { map, added } = await writer.finish();
    const mapHash = await writeDurably(join(directory, fileNames.pageMap), encodePageMap(map));
    const hashes = { [fileNames.pageMap]: mapHash, ...(added === undefined ? {} : { [added.name]: added.hash }) };
    return { names: map.files, hashes };
  }

  async #storeState(): Promise<Hashes> {
    const target = join(this.#taken.directory, fileNames.deviceState);
    return { [fileNames.deviceState]: await copyDurably(this.#taken.savedState, target) };
  }

  /** Only layers that no snapshot before has are read. */
  #storeLayers(): Promise<Hashes> {
    const { directory, lineage, layers } = this.#taken;
    const added = layers.filter((layer) => this.#hashes[layer] === undefined);
    return storeLayers(directory, lineage.directory, added);
  }

  /** Names what is there already once more. */
  async #share(names: readonly string[], added: Hashes): Promise<Hashes> {
    const { directory, lineage } = this.#taken;
    const hashes: Record<string, string> = {};
    for (const name of names.filter((one) => added[one] === undefined)) {
      await keepFile(join(lineage.directory, name), join(directory, name));
      hashes[name] = this.#hashes[name] ?? '';
    }
    return hashes;
  }
}

/** QEMU writes a file of its own user in its own directory; `live: false` leaves the disk to it. */
async function saveDevices({ control, directory }: StandingMachine): Promise<string> {
  const name = `${fileNames.savedState}-${randomBytes(4).toString('hex')}`;
  await control.execute('xen-save-devices-state', { filename: name, live: false });
  return directory.file(name);
}
