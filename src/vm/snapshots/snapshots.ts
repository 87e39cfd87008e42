import { readFileSync, rmSync } from 'node:fs';
import { mkdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { BigboxError } from '../../contracts/errors.ts';
import { createSnapshotId, type SnapshotId } from '../../contracts/ids.ts';
import type { Clock } from '../../lib/clock.ts';
import { namesIn, syncDirectory, writeFileAtomically } from '../../lib/files.ts';
import type { Logger } from '../../lib/log.ts';
import type { Driver, Snapshot } from '../../vmm/index.ts';
import { bytesOnlyIn, filesBelow } from '../limits/disk-files.ts';
import { IdempotencyKeys, type KeptRequest, toRequest } from '../idempotency-keys.ts';
import {
  isExpired,
  type KeptSnapshot,
  snapshotNotFound,
  type SnapshotWish,
  StoredSnapshot,
  toKept,
} from './kept-snapshot.ts';

export interface SnapshotsOptions {
  /** Owned by this alone. */
  readonly directory: string;
  readonly driver: Driver;
  /** Copies of an earlier owner that VMs are still to be made of. */
  readonly keptCopies: ReadonlySet<string>;
  /** Of the templates, whose files snapshots share. */
  readonly templates: string;
  readonly limit: number;
  /** Throws DISK_LIMIT_EXCEEDED where VMs and snapshots take more disk space than they may. */
  readonly assertDisk: () => void;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What was put into a new snapshot. */
interface Filling {
  readonly wish: SnapshotWish;
  readonly made: Pick<Snapshot, 'spec' | 'storedBytes'>;
  readonly request?: KeptRequest;
}

interface Entry {
  /** Absent of a copy that only serves to make VMs from, and goes with the service. */
  readonly info?: KeptSnapshot;
  readonly directory: string;
  /** Checked once, when it is first used. */
  loaded?: Promise<Snapshot>;
  users: number;
  isRetired?: boolean;
}

const recordName = 'snapshot.json';
/** Where the files of the driver are in the directory of a snapshot. */
export const machineName = 'machine';
/** Of a snapshot that is not there yet or no longer. */
const unfinished = '.unfinished';
const maxKeysKept = 1000;
const collectMs = 60_000;

export interface CollectWish {
  readonly dryRun: boolean;
  /** Also those that were made before so long. */
  readonly olderThanMs?: number;
}

/** What was removed, or would be. */
export interface Collected {
  readonly removed: readonly {
    readonly id: string;
    readonly name?: string;
    readonly reason: 'expired' | 'old' | 'unreadable';
  }[];
  /** What others still share is not free. */
  readonly freedBytes: number;
}

/** Snapshots of VMs, one directory each; what has no record is of no use and is removed at the start. */
export class Snapshots {
  readonly #options: SnapshotsOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #keys = new IdempotencyKeys<Promise<KeptSnapshot>>(maxKeysKept);
  /** Names of directories whose record cannot be read. */
  readonly #unreadable = new Set<string>();
  readonly #timer: NodeJS.Timeout;
  #making = 0;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
    const { logger } = options;
    this.#read();
    this.#timer = setInterval(() => {
      this.collect({ dryRun: false }).catch((error: Error) =>
        logger.error({ err: error }, 'expired snapshots could not be removed'),
      );
    }, collectMs);
    this.#timer.unref();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  /** Bytes on the disk that all of them take; a part that several share counts once. */
  usedBytes(): number {
    const { directory, templates } = this.#options;
    return bytesOnlyIn(filesBelow(directory), filesBelow(templates));
  }

  /** The oldest first. */
  list(): readonly KeptSnapshot[] {
    const all = [...this.#entries.values()].map(({ info }) => info);
    return all
      .filter((info) => info !== undefined)
      .toSorted((left, right) => left.createdAt.getTime() - right.createdAt.getTime());
  }

  /** Throws VM_SNAPSHOT_NOT_FOUND. */
  get(id: string): KeptSnapshot {
    const { info } = this.#entry(id);
    if (info === undefined) throw snapshotNotFound(id);
    return info;
  }

  /** Whether there is a copy that VMs are still to be made of. */
  hasCopy(id: string): boolean {
    return this.#entries.get(id) !== undefined && this.#entries.get(id)?.info === undefined;
  }

  /** Has a VM captured for making others from it at once; the caller retires the copy. Throws what `capture` throws. */
  async copy(capture: (directory: string) => Promise<Snapshot>): Promise<SnapshotId> {
    const id = createSnapshotId();
    const directory = `${this.#path(id)}${unfinished}`;
    await mkdir(directory, { recursive: true, mode: 0o700 });
    try {
      const loaded = capture(join(directory, machineName));
      await loaded;
      this.#entries.set(id, { directory, loaded, users: 0 });
      return id;
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  /**
   * Has a VM captured into a directory and keeps that; the answer means that it is on the disk. The same wish with the same idempotency
   * key gives the first one's. Throws LIMIT_EXCEEDED, DISK_LIMIT_EXCEEDED, CONFLICT, DISK_FULL, and what `capture` throws; nothing is left then.
   */
  create(
    wish: SnapshotWish,
    capture: (directory: string) => Promise<Snapshot>,
    idempotencyKey?: string,
  ): Promise<KeptSnapshot> {
    return this.#keys.once(idempotencyKey, wish, async () => {
      try {
        const request = toRequest(idempotencyKey, wish);
        return await this.receive(async (directory) => {
          return { wish, made: await capture(directory), ...request };
        });
      } catch (error) {
        if (idempotencyKey !== undefined) this.#keys.forget(idempotencyKey);
        throw error;
      }
    });
  }

  /**
   * Has a directory filled, which is not there yet, and keeps what is in it as a snapshot. Throws LIMIT_EXCEEDED,
   * DISK_LIMIT_EXCEEDED, and what `fill` throws; nothing is left then.
   */
  async receive(fill: (directory: string) => Promise<Filling>): Promise<KeptSnapshot> {
    this.#assertRoom();
    this.#making += 1;
    const id = createSnapshotId();
    const directory = `${this.#path(id)}${unfinished}`;
    try {
      await mkdir(directory, { recursive: true, mode: 0o700 });
      const { wish, made, ...request } = await fill(join(directory, machineName));
      this.#options.assertDisk();
      const now = this.#options.clock.now();
      const info = toKept(id, wish, { now, bytes: made.storedBytes, size: made.spec });
      await writeFileAtomically(join(directory, recordName), JSON.stringify({ ...info, ...request }));
      await syncDirectory(directory);
      await rename(directory, this.#path(id));
      await syncDirectory(this.#options.directory);
      this.#entries.set(id, { info, directory: this.#path(id), users: 0 });
      return info;
    } catch (error) {
      await rm(directory, { recursive: true, force: true });
      throw error;
    } finally {
      this.#making -= 1;
    }
  }

  /** Lends the snapshot to one restore. Throws VM_SNAPSHOT_NOT_FOUND, VM_SNAPSHOT_UNUSABLE, and what `work` throws. */
  async use<TResult>(id: string, work: (snapshot: Snapshot) => Promise<TResult>): Promise<TResult> {
    const entry = this.#entry(id);
    entry.users += 1;
    try {
      return await work(await this.#load(id, entry));
    } finally {
      entry.users -= 1;
      if (entry.users === 0) await this.#release(id, entry);
    }
  }

  /** Deletes a copy as soon as nobody uses it. */
  async retire(id: string): Promise<void> {
    const entry = this.#entry(id);
    entry.isRetired = true;
    if (entry.users === 0) await this.#remove(id, entry);
  }

  /** VMs that were made from it go on. Throws VM_SNAPSHOT_NOT_FOUND, CONFLICT while a VM is being made from it. */
  async delete(id: string): Promise<void> {
    const entry = this.#entry(id);
    if (entry.users > 0)
      throw new BigboxError('CONFLICT', {
        message: `The snapshot ${id} is in use: a VM is being made from it.`,
        context: { snapshot_id: id },
      });
    await this.#remove(id, entry);
  }

  /**
   * Removes those that have expired, are older than is asked, or have no record that can be read; those in use stay. A dry run only
   * tells.
   */
  async collect(wish: CollectWish): Promise<Collected> {
    const found = [...this.#collectable(wish)];
    const freedBytes = this.#freedBy(new Set(found.map(({ id }) => id)));
    if (!wish.dryRun)
      for (const { id, reason } of found) {
        this.#options.logger.info({ snapshot_id: id, reason }, 'a snapshot is removed');
        await this.#removeDirectory(id);
      }
    return { removed: found, freedBytes };
  }

  *#collectable({ olderThanMs = Infinity }: CollectWish): Generator<Collected['removed'][number]> {
    const now = this.#options.clock.now();
    for (const id of this.#unreadable) yield { id, reason: 'unreadable' };
    for (const info of this.list()) {
      const { id, name, createdAt } = info;
      if (this.#entry(id).users > 0) continue;
      if (isExpired(info, now)) yield { id, name, reason: 'expired' };
      else if (now - createdAt.getTime() > olderThanMs) yield { id, name, reason: 'old' };
    }
  }

  /** What others still have stays. */
  #freedBy(ids: ReadonlySet<string>): number {
    const { directory, templates } = this.#options;
    const kept = namesIn(directory).filter((name) => !ids.has(name));
    const paths = (names: Iterable<string>): readonly string[] => [...names].map((name) => join(directory, name));
    return bytesOnlyIn(filesBelow(...paths(ids)), filesBelow(...paths(kept), templates));
  }

  async #release(id: string, entry: Entry): Promise<void> {
    // The memory that restores share would stay in use; machines that were restored keep it on their own.
    await entry.loaded?.then((snapshot) => this.#options.driver.forget(snapshot), ignore);
    if (entry.isRetired === true) await this.#remove(id, entry);
  }

  async #remove(id: string, entry: Entry): Promise<void> {
    this.#entries.delete(id);
    const removed = `${this.#path(id)}${unfinished}`;
    if (entry.directory === removed) await rm(removed, { recursive: true, force: true });
    else await this.#removeDirectory(id);
  }

  /** It is gone for good before its files are. */
  async #removeDirectory(id: string): Promise<void> {
    this.#entries.delete(id);
    this.#unreadable.delete(id);
    const removed = `${this.#path(id)}${unfinished}`;
    await rename(this.#path(id), removed);
    await rm(removed, { recursive: true, force: true });
  }

  #load(id: string, entry: Entry): Promise<Snapshot> {
    entry.loaded ??= this.#options.driver.loadSnapshot(join(entry.directory, machineName));
    return entry.loaded.catch((cause: Error) => {
      delete entry.loaded;
      throw new BigboxError('VM_SNAPSHOT_UNUSABLE', {
        message: `The snapshot ${id} cannot run here: ${cause.message}`,
        context: { snapshot_id: id },
        cause,
      });
    });
  }

  #read(): void {
    for (const name of namesIn(this.#options.directory)) {
      const path = join(this.#options.directory, name);
      const copyId = name.slice(0, -unfinished.length);
      if (name.endsWith(unfinished) && this.#options.keptCopies.has(copyId)) {
        this.#entries.set(copyId, { directory: path, users: 0 });
        continue;
      }
      if (name.endsWith(unfinished)) {
        this.#options.logger.warn({ path }, 'an unfinished snapshot is removed');
        rmSync(path, { recursive: true, force: true });
        continue;
      }
      try {
        const { request, ...info } = StoredSnapshot.parse(JSON.parse(readFileSync(join(path, recordName), 'utf8')));
        this.#entries.set(info.id, { info, directory: path, users: 0 });
        if (request !== undefined) this.#keys.restore(request, Promise.resolve(info));
      } catch (error) {
        this.#options.logger.error({ path, err: error }, 'a snapshot has no record that can be read; it is left to gc');
        this.#unreadable.add(name);
      }
    }
  }

  #path(id: string): string {
    return join(this.#options.directory, id);
  }

  #entry(id: string): Entry {
    const entry = this.#entries.get(id);
    if (entry !== undefined) return entry;
    throw snapshotNotFound(id);
  }

  #assertRoom(): void {
    const { limit } = this.#options;
    const count = this.list().length + this.#making;
    if (count < limit) return;
    throw new BigboxError('LIMIT_EXCEEDED', {
      message: `There are ${count} snapshots, the most that this service keeps.`,
      context: { limit: 'max_snapshots', max_snapshots: limit, kept: count },
      remedy: 'Delete a snapshot that is no longer needed.',
    });
  }
}

const ignore = (): void => undefined;
