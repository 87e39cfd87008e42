import { existsSync } from 'node:fs';
import { lstat, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { KeptDisk, MachineSpec, Snapshot } from '../driver.ts';
import { fileNames, layerName } from './command-line.ts';
import { writeEmptyMemory } from './empty-memory.ts';
import { keepFile, takeOver } from './machine-directory.ts';

const recordName = 'lineage.json';
export const lineageSuffix = '.lineage';

/** Beside the directory of the machine. */
export const lineageDirectory = (machineDirectory: string): string => `${machineDirectory}${lineageSuffix}`;

/** What the next snapshot of a machine shares with the one that it came from or that was made of it last. */
const Heritage = z.object({
  /** Hashes of memory of the template, page map, page files and frozen layers, by name. */
  files: z.record(z.string(), z.string()),
  /** Frozen disk layers, the lowest first. */
  layers: z.array(z.string()),
  /** The layer that the machine writes. */
  layer: z.string(),
});
type Heritage = Readonly<z.infer<typeof Heritage>>;

/**
 * The files below a running machine, named once more in a directory that the machine's user cannot write: snapshots may be deleted
 * while a machine needs what is in them. A file goes with its last name.
 */
export class Lineage {
  readonly #directory: string;
  #heritage: Heritage;
  #readers = 0;
  #isRemoved = false;

  private constructor(directory: string, heritage: Heritage) {
    this.#directory = directory;
    this.#heritage = heritage;
  }

  /** Of a machine that is restored from the snapshot. */
  static create(directory: string, snapshot: Snapshot): Promise<Lineage> {
    const { [fileNames.deviceState]: _, ...files } = snapshot.files;
    return Lineage.#create(directory, { ...snapshot, files });
  }

  /** Of a machine that is booted with the disk, or with an empty one: its memory begins with nothing in it. */
  static async begin(directory: string, { memoryMib }: MachineSpec, disk?: KeptDisk): Promise<Lineage> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    const memory = await writeEmptyMemory(join(directory, fileNames.memory), memoryMib);
    const lineage = await Lineage.#create(directory, disk ?? { directory, files: {}, layers: [] });
    const { files } = lineage.#heritage;
    lineage.#heritage = { ...lineage.#heritage, files: { ...files, [fileNames.memory]: memory } };
    await lineage.#record();
    return lineage;
  }

  static async #create(
    directory: string,
    { directory: source, files, layers }: Pick<Snapshot, 'directory' | 'files' | 'layers'>,
  ): Promise<Lineage> {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    for (const name of Object.keys(files)) await keepFile(join(source, name), join(directory, name));
    const lineage = new Lineage(directory, { files, layers: [...layers], layer: nextLayer(layers) });
    await lineage.#record();
    return lineage;
  }

  /** Opens what an earlier owner of the machine left; absent where the machine was to be frozen. */
  static async open(directory: string): Promise<Lineage | undefined> {
    try {
      const record = await readFile(join(directory, recordName), 'utf8');
      return new Lineage(directory, Heritage.parse(JSON.parse(record)));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  get directory(): string {
    return this.#directory;
  }

  get heritage(): Heritage {
    return this.#heritage;
  }

  /** Keeps every file until the returned function is called. */
  hold(): () => Promise<void> {
    this.#readers += 1;
    return async () => {
      this.#readers -= 1;
      await this.#prune();
    };
  }

  /** The machine writes another layer now; the one before is taken out of its directory, where nobody may have put something else. */
  async freezeLayer(machineDirectory: string): Promise<void> {
    const { layers, layer, files } = this.#heritage;
    const target = join(this.#directory, layer);
    // An owner that ended in the middle of this may have done it.
    if (!existsSync(target)) {
      const source = join(machineDirectory, layer);
      const found = await lstat(source);
      if (!found.isFile() || found.nlink !== 1) throw new Error(`${layer} of the machine is not a file of its own`);
      await takeOver(source, target);
    }
    const frozen = [...layers, layer];
    this.#heritage = { files, layers: frozen, layer: nextLayer(frozen) };
    await this.#record();
  }

  /** From now on a snapshot builds on this one. */
  async advance({ directory, files: all }: Snapshot): Promise<void> {
    const { [fileNames.deviceState]: _, ...files } = all;
    const known = new Set(await readdir(this.#directory));
    await rm(join(this.#directory, fileNames.pageMap), { force: true });
    known.delete(fileNames.pageMap);
    for (const name of Object.keys(files))
      if (!known.has(name)) await keepFile(join(directory, name), join(this.#directory, name));
    this.#heritage = { ...this.#heritage, files };
    await this.#record();
    await this.#prune();
  }

  remove(): Promise<void> {
    this.#isRemoved = true;
    return rm(this.#directory, { recursive: true, force: true });
  }

  async #prune(): Promise<void> {
    if (this.#readers > 0 || this.#isRemoved) return;
    const { files, layers } = this.#heritage;
    const kept = new Set([recordName, `${recordName}.new`, ...Object.keys(files), ...layers]);
    for (const name of await readdir(this.#directory))
      if (!kept.has(name)) await rm(join(this.#directory, name), { force: true });
  }

  /** For an owner that comes after this one; a machine does not outlive its host, so nothing waits for the disk. */
  async #record(): Promise<void> {
    const path = join(this.#directory, recordName);
    await writeFile(`${path}.new`, JSON.stringify(this.#heritage), { mode: 0o600 });
    await rename(`${path}.new`, path);
  }
}

/** The name of the layer that comes on top of these. */
export function nextLayer(layers: readonly string[]): string {
  const numbers = layers.map((name) => Number(/\d+/.exec(name)?.[0] ?? 0));
  return layerName(Math.max(-1, ...numbers) + 1);
}
