import { access, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { syncDirectory, writeFileAtomically } from '../../lib/files.ts';
import type { KeptDisk } from '../driver.ts';
import { MachineSpec } from '../machine-spec.ts';
import { verifyFile } from './hashed-files.ts';

const manifestName = 'disk.json';
const layerFile = z.string().regex(/^(?:layer-\d+\.qcow2|overlay\.ext4)$/);

const Manifest = z.object({
  format: z.literal(1),
  driver: z.string(),
  spec: MachineSpec,
  layers: z.array(layerFile).min(1),
  files: z.record(layerFile, z.string().regex(/^[0-9a-f]{64}$/)),
  storedBytes: z.number().int().nonnegative(),
});

/** Writes the manifest, which makes the directory a kept disk: without it the directory is rubbish. */
export async function writeDiskManifest(disk: KeptDisk): Promise<KeptDisk> {
  const { directory, ...rest } = disk;
  await writeFileAtomically(join(directory, manifestName), JSON.stringify({ format: 1, ...rest }, undefined, 2));
  await syncDirectory(directory);
  return disk;
}

/** Reads a disk of the driver back and checks every hash. Throws VM_DISK_UNUSABLE. */
export async function readDisk(directory: string, driver: string): Promise<KeptDisk> {
  try {
    const { format: _, ...manifest } = Manifest.parse(
      JSON.parse(await readFile(join(directory, manifestName), 'utf8')),
    );
    if (manifest.driver !== driver) throw new Error(`it was written by ${manifest.driver}, and here is ${driver}`);
    const disk = { ...manifest, directory };
    await access(disk.spec.disk);
    await Promise.all(disk.layers.map((name) => verifyFile(disk, name)));
    return disk;
  } catch (cause) {
    throw new BigboxError('VM_DISK_UNUSABLE', {
      message: `The disk in ${directory} cannot be used: ${(cause as Error).message}.`,
      context: { directory },
      cause,
    });
  }
}
