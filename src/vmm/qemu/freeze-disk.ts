import { mkdir, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { BigboxError } from '../../contracts/errors.ts';
import type { KeptDisk } from '../driver.ts';
import { diskSpaceOf, hashDurably } from '../storage/hashed-files.ts';
import { writeDiskManifest } from '../storage/kept-disk.ts';
import { stackLayer } from './disk-layers.ts';
import { type Lineage, nextLayer } from './lineage.ts';
import { keepFile } from './machine-directory.ts';
import { writeEmptyLayer } from './overlay-disk.ts';
import type { StandingMachine } from './standing-machine.ts';

type Hashes = Readonly<Record<string, string>>;

/** Has the machine write a new layer from now on, and gives the layers of its disk as it stands, the lowest first. Throws a plain error. */
export async function freezeDisk(
  { control, directory, origin, userId }: StandingMachine,
  lineage: Lineage,
): Promise<readonly string[]> {
  const { layers, layer } = lineage.heritage;
  const frozen = [...layers, layer];
  const next = nextLayer(frozen);
  await rm(directory.file(next), { force: true });
  await writeEmptyLayer(directory.file(next), (await stat(origin.spec.disk)).size, userId);
  await stackLayer(control, layer, next);
  await lineage.freezeLayer(directory.path);
  return frozen;
}

/** Names frozen layers once more in the directory, on the disk, and gives their hashes. */
export async function storeLayers(
  directory: string,
  lineageDirectory: string,
  layers: readonly string[],
): Promise<Hashes> {
  const hashes: Record<string, string> = {};
  for (const name of layers) {
    const target = join(directory, name);
    await keepFile(join(lineageDirectory, name), target);
    hashes[name] = await hashDurably(target);
  }
  return hashes;
}

/** Keeps the disk of a standing machine as it is. Throws VM_SNAPSHOT_FAILED, DISK_FULL; the directory is removed then. */
export async function keepDisk(machine: StandingMachine, directory: string): Promise<KeptDisk> {
  const { lineage, origin } = machine;
  if (lineage === undefined) throw toCaptureFailure(new Error('it was booted to be frozen'), directory);
  const release = lineage.hold();
  try {
    await mkdir(directory, { mode: 0o700 });
    const layers = await freezeDisk(machine, lineage);
    const files = await storeLayers(directory, lineage.directory, layers);
    const storedBytes = await diskSpaceOf(directory, layers);
    const { driver, spec } = origin;
    return await writeDiskManifest({ directory, driver, spec, layers, files, storedBytes });
  } catch (cause) {
    await rm(directory, { recursive: true, force: true });
    throw toCaptureFailure(cause, directory);
  } finally {
    await release();
  }
}

/** What a caller is told when a standing machine could not be copied. */
export function toCaptureFailure(cause: unknown, directory: string): BigboxError {
  const { message, code } = cause as NodeJS.ErrnoException;
  return new BigboxError(code === 'ENOSPC' ? 'DISK_FULL' : 'VM_SNAPSHOT_FAILED', {
    message: `The VM could not be captured: ${message}.`,
    context: { directory },
    cause,
  });
}
