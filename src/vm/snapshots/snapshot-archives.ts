import { mkdir } from 'node:fs/promises';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { z } from 'zod';
import { BigboxError, toBigboxError } from '../../contracts/errors.ts';
import type { Logger } from '../../lib/log.ts';
import { packTar, type TarFile, unpackTar } from '../../lib/tar.ts';
import type { Driver, MachineSpec } from '../../vmm/index.ts';
import { hashImage, type ImageHashes, listFiles, writeSparseFile } from './archive-files.ts';
import { type KeptSnapshot, StoredSnapshot } from './kept-snapshot.ts';
import type { Limits } from '../limits/limits.ts';
import { toSpec, type VmImage } from '../pool/vm-image.ts';
import { machineName, type Snapshots } from './snapshots.ts';

export interface SnapshotArchivesOptions {
  readonly snapshots: Snapshots;
  readonly driver: Driver;
  /** What machines are made of here. Throws VM_UNAVAILABLE while it is not there. */
  readonly image: () => Promise<VmImage>;
  readonly limits: Limits;
  readonly logger: Logger;
}

const Hash = z.string().regex(/^[0-9a-f]{64}$/);
/** The first file of an archive. */
const Label = z.object({
  format: z.literal(1),
  snapshot: StoredSnapshot,
  /** The image that the machine was made of, which is not in the archive. */
  image: z.object({ kernel: Hash, initramfs: Hash, disk: Hash }),
});
type Label = z.infer<typeof Label>;

/** Where an archive is unpacked, and what its machine must have been made of. */
interface Place {
  readonly directory: string;
  readonly image: ImageHashes;
}

const labelName = 'archive.json';
const maxLabelBytes = 1 << 20;
const maxFiles = 4096;
const fileName = new RegExp(`^${machineName}/([A-Za-z0-9][A-Za-z0-9._-]{0,63})$`);

/** Carries snapshots from one Bigbox to another, each in one file: a compressed tar archive that begins with a label. */
export class SnapshotArchives {
  readonly #options: SnapshotArchivesOptions;
  readonly #images = new Map<string, Promise<ImageHashes>>();

  constructor(options: SnapshotArchivesOptions) {
    this.#options = options;
  }

  /**
   * Writes a snapshot with everything that it needs but the image. It cannot be deleted meanwhile. Throws VM_SNAPSHOT_NOT_FOUND,
   * VM_SNAPSHOT_UNUSABLE before the first byte.
   */
  async export(id: string): Promise<Readable> {
    const { snapshots, logger } = this.#options;
    const snapshot = snapshots.get(id);
    const started = Promise.withResolvers<Readable>();
    const written = snapshots.use(id, async ({ directory, spec }) => {
      const label = Buffer.from(JSON.stringify({ format: 1, snapshot, image: await this.#hashImage(spec) }));
      const files = await listFiles(directory, machineName);
      const archive = new PassThrough();
      started.resolve(archive);
      const first = { name: labelName, size: label.length, content: Readable.from([label]) };
      await pipeline(packTar([first, ...files]), createGzip({ level: 1 }), archive);
    });
    // Before the first byte a failure is the answer; later the reader sees the archive break off.
    written.catch((error: Error) => {
      started.reject(error);
      logger.warn({ snapshot_id: id, err: error }, 'a snapshot was not exported to its end');
    });
    return started.promise;
  }

  /**
   * Keeps the snapshot of an archive under a new id. Throws INVALID_REQUEST where it is none, VM_SNAPSHOT_UNUSABLE where it is damaged
   * or cannot run here, VM_UNAVAILABLE, LIMIT_EXCEEDED, DISK_LIMIT_EXCEEDED, DISK_FULL; nothing is left then.
   */
  async import(archive: Readable): Promise<KeptSnapshot> {
    const { snapshots, driver, limits } = this.#options;
    const here = toSpec(await this.#options.image(), limits.largestVm);
    return snapshots.receive(async (directory) => {
      await mkdir(directory, { mode: 0o700 });
      const { snapshot } = await this.#unpack(archive, { directory, image: await this.#hashImage(here) });
      const made = await driver.importSnapshot(directory, here).catch((cause: Error) => {
        throw unusable(cause.message, cause);
      });
      const { name, vmId, vmType, metadata } = snapshot;
      return { wish: { name, vmId, vmType, metadata }, made };
    });
  }

  /** Images do not change: their names say what is in them. */
  #hashImage(spec: MachineSpec): Promise<ImageHashes> {
    const key = JSON.stringify([spec.kernel, spec.initramfs, spec.disk]);
    const known = this.#images.get(key) ?? hashImage(spec);
    this.#images.set(key, known);
    known.catch(() => this.#images.delete(key));
    return known;
  }

  /** Gunzips and unpacks at once, into the directory alone. */
  async #unpack(archive: Readable, place: Place): Promise<Label> {
    const unzipped = createGunzip({ chunkSize: 65_536 });
    const read = pipeline(archive, unzipped);
    read.catch(() => undefined);
    try {
      return await this.#unpackFiles(unpackTar(unzipped), place);
    } catch (error) {
      unzipped.destroy();
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code.startsWith('Z_')) throw invalid('it is not compressed as archives of snapshots are');
      if (code === 'ENOSPC') throw new BigboxError('DISK_FULL', { message: 'The archive does not fit.', cause: error });
      throw error;
    }
  }

  async #unpackFiles(files: AsyncIterable<TarFile>, { directory, image }: Place): Promise<Label> {
    let label: Label | undefined;
    const known = new Set<string>();
    for await (const { name, size, content } of files) {
      if (label === undefined) {
        if (name !== labelName || size > maxLabelBytes) throw invalid('it does not begin with a label');
        label = await readLabel(content);
        assertSameImage(label.image, image);
        continue;
      }
      const [, plainName = ''] = fileName.exec(name) ?? [];
      if (plainName === '' || known.has(name) || known.size >= maxFiles)
        throw invalid(`${JSON.stringify(name.slice(0, 100))} has no place in it`);
      known.add(name);
      await writeSparseFile(directory, { name: plainName, size, content }, () => this.#options.limits.assertDisk());
    }
    if (label === undefined) throw invalid('it is empty');
    return label;
  }
}

function assertSameImage(its: ImageHashes, here: ImageHashes): void {
  for (const part of ['kernel', 'initramfs', 'disk'] as const)
    if (its[part] !== here[part]) throw unusable(`it was made of another image: its ${part} is not the one here`);
}

async function readLabel(content: AsyncIterable<Uint8Array>): Promise<Label> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of content) chunks.push(chunk);
  try {
    return Label.parse(JSON.parse(Buffer.concat(chunks).toString()));
  } catch (cause) {
    throw invalid(`its label cannot be read (${toBigboxError(cause).message.slice(0, 200)})`);
  }
}

const invalid = (reason: string): BigboxError =>
  new BigboxError('INVALID_REQUEST', { message: `The archive is not taken: ${reason}.` });

const unusable = (reason: string, cause?: Error): BigboxError =>
  new BigboxError('VM_SNAPSHOT_UNUSABLE', { message: `The archive is not taken: ${reason}.`, cause });
