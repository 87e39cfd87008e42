import { chown, copyFile, link, mkdir, open, rename, rm, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

/** The directory of one machine: its sockets and its own files, owned by the machine's user. */
export class MachineDirectory {
  readonly path: string;
  readonly #handle: FileHandle;
  #removed: Promise<void> | undefined;

  private constructor(path: string, handle: FileHandle) {
    this.path = path;
    this.#handle = handle;
  }

  static async create(path: string, userId: number | undefined): Promise<MachineDirectory> {
    await mkdir(path, { recursive: true, mode: 0o700 });
    if (userId !== undefined) await chown(path, userId, userId);
    return new MachineDirectory(path, await open(path));
  }

  /** Opens the directory that an earlier owner made. */
  static async open(path: string): Promise<MachineDirectory> {
    return new MachineDirectory(path, await open(path));
  }

  file(name: string): string {
    return join(this.path, name);
  }

  /** A short path of a socket in it: the kernel takes at most 107 characters, and data directories may be deep. */
  socket(name: string): string {
    return `/proc/self/fd/${this.#handle.fd}/${name}`;
  }

  /** Lets go of it and leaves it where it is. */
  close(): Promise<void> {
    return this.#handle.close();
  }

  remove(): Promise<void> {
    this.#removed ??= (async (): Promise<void> => {
      await this.#handle.close();
      await rm(this.path, { recursive: true, force: true });
    })();
    return this.#removed;
  }
}

/** Moves a file out of a machine's directory; its user has no rights on it any more. */
export async function takeOver(source: string, target: string): Promise<void> {
  await rename(source, target);
  await chown(target, process.getuid?.() ?? 0, process.getgid?.() ?? 0);
}

/** Names a file of a snapshot in a second place, where it stays when the snapshot is deleted; a copy where the file system has to. */
export async function keepFile(source: string, target: string): Promise<void> {
  try {
    await link(source, target);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EXDEV') throw error;
    await copyFile(source, target);
  }
}
