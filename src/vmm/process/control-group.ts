import { readFile, mkdir, readdir, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

const root = '/sys/fs/cgroup';
const processLimit = 128;
const trialBytes = 64 * 1024 * 1024;

/** Where control groups for machines can be made: one directory per hierarchy, and the names of the limits in it. */
interface Hierarchy {
  readonly directory: string;
  readonly limits: (memoryBytes: number) => Readonly<Record<string, string>>;
}

/** Limits on memory and processes around each VMM process, where this user may make control groups. */
export class ControlGroups {
  readonly #hierarchies: readonly Hierarchy[];

  private constructor(hierarchies: readonly Hierarchy[]) {
    this.#hierarchies = hierarchies;
  }

  /** Makes the parent group of all machines, and tries it with a first child; undefined where that is not possible. */
  static async open(): Promise<ControlGroups | undefined> {
    const hierarchies = (await openUnified()) ?? (await openSplit());
    if (hierarchies === undefined) return undefined;
    const groups = new ControlGroups(hierarchies);
    const trial = `trial-${process.pid}`;
    try {
      await groups.add(trial, trialBytes);
      await groups.remove(trial);
      return groups;
    } catch {
      return undefined;
    }
  }

  /** Makes the group of one machine. */
  async add(id: string, memoryBytes: number): Promise<void> {
    for (const { directory, limits } of this.#hierarchies) {
      await mkdir(join(directory, id), { recursive: true });
      for (const [name, value] of Object.entries(limits(memoryBytes)))
        await writeFile(join(directory, id, name), value);
    }
  }

  /** Puts a process, and with it all it starts from then on, into the machine's group. */
  async enter(id: string, pid: number): Promise<void> {
    for (const { directory } of this.#hierarchies) await writeFile(join(directory, id, 'cgroup.procs'), String(pid));
  }

  /** Removes the groups of these names, where no process is left in them. Returns the names of those that there were. */
  async removeAll(isUnwanted: (name: string) => boolean): Promise<readonly string[]> {
    const found = new Set<string>();
    for (const { directory } of this.#hierarchies)
      for (const name of await readdir(directory)) if (isUnwanted(name)) found.add(name);
    for (const name of found) await this.remove(name);
    return [...found];
  }

  /** Removes the group of a machine whose processes are gone; the kernel takes a moment to notice that. */
  async remove(id: string): Promise<void> {
    for (const { directory } of this.#hierarchies) {
      for (let attempt = 0; attempt < 50; attempt += 1) {
        const code = await rmdir(join(directory, id)).then(
          () => 'DONE',
          (error: NodeJS.ErrnoException) => error.code,
        );
        if (code !== 'EBUSY') break;
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    }
  }
}

async function openUnified(): Promise<readonly Hierarchy[] | undefined> {
  try {
    const controllers = (await readFile(join(root, 'cgroup.controllers'), 'utf8')).split(/\s+/);
    if (!controllers.includes('memory') || !controllers.includes('pids')) return undefined;
    const directory = join(root, 'bigbox-vms');
    await writeFile(join(root, 'cgroup.subtree_control'), '+memory +pids');
    await mkdir(directory, { recursive: true });
    await writeFile(join(directory, 'cgroup.subtree_control'), '+memory +pids');
    const limits = (bytes: number): Readonly<Record<string, string>> => ({
      'memory.max': String(bytes),
      'pids.max': String(processLimit),
    });
    return [{ directory, limits }];
  } catch {
    return undefined;
  }
}

async function openSplit(): Promise<readonly Hierarchy[] | undefined> {
  try {
    const memory = join(root, 'memory', 'bigbox-vms');
    const pids = join(root, 'pids', 'bigbox-vms');
    await mkdir(memory, { recursive: true });
    await mkdir(pids, { recursive: true });
    return [
      { directory: memory, limits: (bytes) => ({ 'memory.limit_in_bytes': String(bytes) }) },
      { directory: pids, limits: () => ({ 'pids.max': String(processLimit) }) },
    ];
  } catch {
    return undefined;
  }
}
