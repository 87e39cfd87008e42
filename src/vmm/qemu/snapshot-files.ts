import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { z } from 'zod';
import { BigboxError } from '../../contracts/errors.ts';
import { writeFileAtomically } from '../../lib/files.ts';
import type { Snapshot } from '../driver.ts';
import { MachineSpec } from '../machine-spec.ts';
import { fileNames } from './command-line.ts';

const manifestName = 'manifest.json';
const format = 2;

const Manifest = z.object({
  format: z.literal(format),
  driver: z.string(),
  version: z.string(),
  accelerator: z.enum(['kvm', 'tcg']),
  cpu: z.string(),
  spec: MachineSpec,
  layers: z.array(z.string().regex(/^layer-\d+\.qcow2$/)).min(1),
  files: z.record(z.string(), z.string()),
});

/** Names of the files that make a snapshot. */
const namesOf = ({ layers }: Pick<Snapshot, 'layers'>): readonly string[] => [
  fileNames.memory,
  fileNames.deviceState,
  ...layers,
];

/** Writes the manifest, which makes the directory a snapshot: without it the directory is rubbish of an interrupted freeze. */
export async function writeManifest(snapshot: Omit<Snapshot, 'files'>): Promise<Snapshot> {
  const { directory, ...rest } = snapshot;
  const hashes = namesOf(snapshot).map(async (name) => [name, await hashFile(join(directory, name))] as const);
  const files = Object.fromEntries(await Promise.all(hashes));
  await writeFileAtomically(join(directory, manifestName), JSON.stringify({ format, ...rest, files }, undefined, 2));
  return { ...snapshot, files };
}

/** Reads a snapshot and checks every hash. Throws VM_SNAPSHOT_FAILED. */
export async function readSnapshot(directory: string): Promise<Snapshot> {
  const manifest = await readManifest(directory);
  await Promise.all(namesOf(manifest).map((name) => verifyFile({ ...manifest, directory }, name)));
  return { ...manifest, directory };
}

/** Throws VM_SNAPSHOT_FAILED when the file does not have the content that the manifest names. */
export async function verifyFile(snapshot: Pick<Snapshot, 'directory' | 'files'>, name: string): Promise<void> {
  const path = join(snapshot.directory, name);
  const found = await hashFile(path).catch((error: Error) => error.message);
  if (found === snapshot.files[name]) return;
  const context = { path, expected: snapshot.files[name] ?? 'none', found };
  throw new BigboxError('VM_SNAPSHOT_FAILED', {
    message: `${path} is damaged: it does not have the content that was saved.`,
    context,
  });
}

async function readManifest(directory: string): Promise<Omit<Snapshot, 'directory'>> {
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

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
