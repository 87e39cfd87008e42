import { link, lstat, mkdir, open, rm, symlink, chmod } from 'node:fs/promises';
import type { Stats } from 'node:fs';
import { join } from 'node:path';
import { refuseMember } from './member-name.ts';

/** The bits that say who may read, write and run; those that let others act as the owner are never set. */
const permissionBits = 0o777;
const impliedFolderMode = 0o755;

type Steps = readonly string[];

/**
 * Writes into one folder and nowhere else: it goes through no link, whoever made it, and replaces files and links instead of writing to
 * what they name. Everything throws ARCHIVE_REFUSED where that is in the way, and the errors of the file system.
 */
export class FolderWriter {
  readonly #root: string;
  /** Folders that are known to be ones, by name; those that were made here with their permissions. */
  readonly #known = new Set<string>(['']);
  readonly #made = new Map<string, number>();
  readonly #files = new Set<string>();

  /** The folder is there. */
  constructor(root: string) {
    this.#root = root;
  }

  /** One that is there already keeps its permissions. */
  async folder(steps: Steps, mode: number): Promise<void> {
    await this.#enter(steps);
    const name = steps.join('/');
    if (this.#made.has(name)) this.#made.set(name, mode & permissionBits);
  }

  async file(steps: Steps, mode: number, content: AsyncIterable<Uint8Array>): Promise<void> {
    const path = await this.#clear(steps);
    const file = await open(path, 'wx', 0o600);
    try {
      for await (const data of content) await file.writeFile(data);
      await file.chmod(mode & permissionBits);
    } finally {
      await file.close();
    }
    this.#files.add(steps.join('/'));
  }

  /** The caller has seen that the target stays inside. */
  async symbolicLink(steps: Steps, target: string): Promise<void> {
    await symlink(target, await this.#clear(steps));
  }

  /** A second name of a file that was written here; false where there is none. */
  async hardLink(steps: Steps, target: Steps): Promise<boolean> {
    if (!this.#files.has(target.join('/')) || steps.join('/') === target.join('/')) return false;
    const path = await this.#clear(steps);
    await link(this.#pathOf(target), path);
    this.#files.add(steps.join('/'));
    return true;
  }

  /** Gives the folders that were made their permissions, which may forbid to write to them. */
  async finish(): Promise<void> {
    for (const [name, mode] of [...this.#made].toReversed()) await chmod(join(this.#root, name), mode);
  }

  #pathOf(steps: Steps): string {
    return join(this.#root, ...steps);
  }

  /** Makes the folder and those above it where they are missing. */
  async #enter(steps: Steps): Promise<void> {
    for (let depth = 1; depth <= steps.length; depth += 1) {
      const name = steps.slice(0, depth).join('/');
      if (this.#known.has(name)) continue;
      const path = join(this.#root, name);
      const found = await look(path);
      if (found === undefined) {
        await mkdir(path, 0o700);
        this.#made.set(name, impliedFolderMode);
      } else if (!found.isDirectory())
        throw refuseMember(steps.join('/'), `${JSON.stringify(name)} is not a folder here, but a link or a file`);
      this.#known.add(name);
    }
  }

  /** The path of what is about to be made, where nothing is any more. */
  async #clear(steps: Steps): Promise<string> {
    if (steps.length === 0) throw refuseMember('.', 'it would replace the folder itself');
    await this.#enter(steps.slice(0, -1));
    const path = this.#pathOf(steps);
    const found = await look(path);
    if (found?.isDirectory() === true) throw refuseMember(steps.join('/'), 'a folder is in its place here');
    if (found !== undefined) await rm(path);
    this.#files.delete(steps.join('/'));
    return path;
  }
}

async function look(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
