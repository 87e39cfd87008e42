import { chmod, chown, mkdir, open, rm, type FileHandle } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** Names inside a jail, which is the root directory of its process. */
export const jailFiles = {
  api: 'api.sock',
  vsock: 'agent.sock',
  kernel: 'kernel',
  initramfs: 'initramfs',
  disk: 'disk',
  overlay: 'overlay.ext4',
  memory: 'memory',
  deviceState: 'state',
  /** The only directory where a machine that runs may make files. */
  out: 'out',
} as const;

export interface JailOptions {
  /** Holds one directory per machine, as the jailer lays them out. */
  readonly runDirectory: string;
  readonly name: string;
  readonly userId: number;
}

const toRoot = ({ runDirectory, name }: JailOptions): string => join(runDirectory, 'firecracker', name, 'root');

/** The directory of the jailer: `<run>/firecracker/<name>/root` is what the VMM sees as `/`. */
export class Jail {
  readonly userId: number;
  readonly #directory: string;
  readonly #root: string;
  readonly #handle: FileHandle;
  #removed: Promise<void> | undefined;

  private constructor(options: JailOptions, handle: FileHandle) {
    this.userId = options.userId;
    this.#root = toRoot(options);
    this.#directory = dirname(this.#root);
    this.#handle = handle;
  }

  static async create(options: JailOptions): Promise<Jail> {
    const root = toRoot(options);
    await mkdir(root, { recursive: true, mode: 0o700 });
    for (const directory of [join(root, jailFiles.out), root]) {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      await chown(directory, options.userId, options.userId);
    }
    return new Jail(options, await open(root));
  }

  /** Opens the jail of a machine that runs. Throws a plain error where there is none. */
  static async open(options: JailOptions): Promise<Jail> {
    return new Jail(options, await open(toRoot(options)));
  }

  file(name: string): string {
    return join(this.#root, name);
  }

  /** A short path of a socket in it: the kernel takes at most 107 characters, and data directories may be deep. */
  socket(name: string): string {
    return `/proc/self/fd/${this.#handle.fd}/${name}`;
  }

  /** Gives a file in it to the machine's user, who may read it, or write it too. */
  async grant(name: string, mode: 0o400 | 0o600): Promise<void> {
    await chown(this.file(name), this.userId, this.userId);
    await chmod(this.file(name), mode);
  }

  /**
   * Takes the directory from the machine's user, when its sockets are there and before its guest runs: a process that was taken over
   * could put links to sockets of the host in their place.
   */
  async seal(): Promise<void> {
    await chown(this.#root, 0, 0);
    await chmod(this.#root, 0o755);
  }

  /** Leaves it where it is. */
  async close(): Promise<void> {
    await this.#handle.close();
  }

  remove(): Promise<void> {
    this.#removed ??= (async (): Promise<void> => {
      await this.#handle.close();
      await rm(this.#directory, { recursive: true, force: true });
    })();
    return this.#removed;
  }
}
