import { join } from 'node:path';
import type { Logger } from '../../lib/log.ts';
import type { Snapshot } from '../driver.ts';
import { fileNames } from './command-line.ts';
import { openTemplateMemory, type TemplateMemory } from './sealed-memory.ts';

interface Entry {
  readonly opened: Promise<TemplateMemory>;
  /** Directories of snapshots that begin with this memory. */
  readonly users: Set<string>;
}

/** Memories that machines map, each once however many snapshots begin with it. */
export class TemplateMemories {
  readonly #logger: Logger;
  readonly #entries = new Map<string, Entry>();

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  /** Gives the memory below a snapshot, sealed where that is asked for and can be. It stays open until the snapshot is forgotten. */
  async open({ directory, files }: Pick<Snapshot, 'directory' | 'files'>, seal: boolean): Promise<TemplateMemory> {
    const hash = files[fileNames.memory] ?? directory;
    const entry = this.#entries.get(hash) ?? this.#add(hash, { directory, seal });
    entry.users.add(directory);
    return entry.opened;
  }

  async forget({ directory }: Pick<Snapshot, 'directory'>): Promise<void> {
    for (const [hash, { opened, users }] of this.#entries) {
      if (!users.delete(directory) || users.size > 0) continue;
      this.#entries.delete(hash);
      await (await opened).close();
    }
  }

  async close(): Promise<void> {
    for (const { opened } of this.#entries.values()) await opened.then((memory) => memory.close());
    this.#entries.clear();
  }

  #add(hash: string, { directory, seal }: { readonly directory: string; readonly seal: boolean }): Entry {
    const opened = openTemplateMemory(join(directory, fileNames.memory), seal);
    const entry = { opened, users: new Set<string>() };
    this.#entries.set(hash, entry);
    opened.then(
      ({ sealed }) => this.#logger.info({ directory, sealed }, 'template memory opened for clones'),
      () => this.#entries.delete(hash),
    );
    return entry;
  }
}
