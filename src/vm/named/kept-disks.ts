import { rmSync } from 'node:fs';
import { mkdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { VmId } from '../../contracts/ids.ts';
import { namesIn, syncDirectory } from '../../lib/files.ts';

/** The disks of VMs that are stopped, one directory each, named by their VM. The directory is owned by this alone. */
export class KeptDisks {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  path(id: VmId): string {
    return join(this.#directory, id);
  }

  /** Has the disk of a VM put into its directory; the answer means that it is on the disk. Throws what `keep` throws. */
  async keep(id: VmId, keep: (directory: string) => Promise<unknown>): Promise<void> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    // What an earlier stop left when it was cut short.
    await this.remove(id);
    await keep(this.path(id));
    await syncDirectory(this.#directory);
  }

  /** May be called where there is none. */
  remove(id: VmId): Promise<void> {
    return rm(this.path(id), { recursive: true, force: true });
  }

  /** Removes the disks of VMs that do not need them, which an earlier owner left. */
  removeOthers(needed: ReadonlySet<string>): void {
    for (const name of namesIn(this.#directory))
      if (!needed.has(name)) rmSync(join(this.#directory, name), { recursive: true, force: true });
  }
}
