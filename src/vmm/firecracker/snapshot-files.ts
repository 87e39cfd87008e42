import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { syncDirectory, writeFileAtomically } from '../../lib/files.ts';
import type { Snapshot } from '../driver.ts';
import { MachineSpec } from '../machine-spec.ts';
import { diskSpaceOf, hashFiles, verifyFile } from '../storage/hashed-files.ts';
import { jailFiles } from './jail.ts';

const manifestName = 'manifest.json';
const format = 1;
/** The files that make a snapshot. */
const snapshotFiles = [jailFiles.memory, jailFiles.deviceState, jailFiles.overlay] as const;

const Manifest = z.object({
  format: z.literal(format),
  driver: z.literal('firecracker'),
  version: z.string(),
  accelerator: z.literal('kvm'),
  cpu: z.string(),
  spec: MachineSpec,
  layers: z.array(z.literal(jailFiles.overlay)).length(1),
  files: z.record(z.enum(snapshotFiles), z.string().regex(/^[0-9a-f]{64}$/)),
  storedBytes: z.number().int().nonnegative(),
});

/** Writes the manifest, which makes the directory a snapshot. */
export async function writeManifest(parts: Omit<Snapshot, 'files' | 'layers' | 'storedBytes'>): Promise<Snapshot> {
  const { directory, ...rest } = parts;
  const [files, storedBytes] = await Promise.all([
    hashFiles(directory, snapshotFiles),
    diskSpaceOf(directory, snapshotFiles),
  ]);
  const kept = { ...rest, layers: [jailFiles.overlay], files, storedBytes };
  await writeFileAtomically(join(directory, manifestName), JSON.stringify({ format, ...kept }, undefined, 2));
  await syncDirectory(directory);
  return { directory, ...kept };
}

/** Reads a snapshot and checks every hash. Throws VM_SNAPSHOT_FAILED. */
export async function readSnapshot(directory: string): Promise<Snapshot> {
  const path = join(directory, manifestName);
  try {
    const { format: _, ...manifest } = Manifest.parse(JSON.parse(await readFile(path, 'utf8')));
    const snapshot = { ...manifest, directory };
    await Promise.all(snapshotFiles.map((name) => verifyFile(snapshot, name)));
    return snapshot;
  } catch (cause) {
    if (cause instanceof BigboxError) throw cause;
    throw new BigboxError('VM_SNAPSHOT_FAILED', {
      message: `${path} is not the manifest of a snapshot.`,
      context: { path },
      cause,
    });
  }
}
