import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { syncDirectory, writeFileAtomically } from '../../lib/files.ts';
import type { Snapshot } from '../driver.ts';
import { MachineSpec } from '../machine-spec.ts';
import { verifyFile } from '../storage/hashed-files.ts';
import { fileNames } from './command-line.ts';

const manifestName = 'manifest.json';
/** Before 3 every snapshot had a memory of its own, without page files. */
const formats = [2, 3] as const;

const Manifest = z.object({
  format: z.literal(formats),
  driver: z.string(),
  version: z.string(),
  accelerator: z.enum(['kvm', 'tcg']),
  cpu: z.string(),
  spec: MachineSpec,
  layers: z.array(z.string().regex(/^layer-\d+\.qcow2$/)).min(1),
  files: z.record(
    z.string().regex(/^(?:memory|state|page-map|pages-[0-9a-f]{16}|layer-\d+\.qcow2)$/),
    z.string().regex(/^[0-9a-f]{64}$/),
  ),
  storedBytes: z.number().int().nonnegative().default(0),
});

/** Writes the manifest, which makes the directory a snapshot: without it the directory is rubbish of an interrupted freeze. */
export async function writeManifest(snapshot: Snapshot): Promise<Snapshot> {
  const { directory, ...rest } = snapshot;
  const manifest = { format: formats.at(-1), ...rest };
  await writeFileAtomically(join(directory, manifestName), JSON.stringify(manifest, undefined, 2));
  await syncDirectory(directory);
  return snapshot;
}

/** Reads a snapshot and checks every hash. Throws VM_SNAPSHOT_FAILED. */
export async function readSnapshot(directory: string): Promise<Snapshot> {
  const { format: _, ...manifest } = await readManifest(directory);
  const snapshot = { ...manifest, directory };
  const needed = [fileNames.memory, fileNames.deviceState, ...snapshot.layers];
  await Promise.all(
    [...new Set([...needed, ...Object.keys(snapshot.files)])].map((name) => verifyFile(snapshot, name)),
  );
  return snapshot;
}

async function readManifest(directory: string): Promise<z.infer<typeof Manifest>> {
  const path = join(directory, manifestName);
  try {
    return Manifest.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch (cause) {
    throw new BigboxError('VM_SNAPSHOT_FAILED', {
      message: `${path} is not the manifest of a snapshot.`,
      context: { path },
      cause,
    });
  }
}
