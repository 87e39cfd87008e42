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
import { jailFiles } from './jail.ts';

const manifestName = 'manifest.json';
const format = 1;
/** The files that make a snapshot. */
export const snapshotFiles = [jailFiles.memory, jailFiles.deviceState, jailFiles.overlay] as const;

const Manifest = z.object({
  format: z.literal(format),
  driver: z.literal('firecracker'),
  version: z.string(),
  accelerator: z.literal('kvm'),
  cpu: z.string(),
  spec: MachineSpec,
  layers: z.array(z.literal(jailFiles.overlay)).length(1),
  files: z.record(z.string(), z.string()),
});

/** Writes the manifest, which makes the directory a snapshot. */
export async function writeManifest(parts: Omit<Snapshot, 'files' | 'layers'>): Promise<Snapshot> {
  const { directory, ...rest } = parts;
  const hashes = snapshotFiles.map(async (name) => [name, await hashFile(join(directory, name))] as const);
  const kept = { ...rest, layers: [jailFiles.overlay], files: Object.fromEntries(await Promise.all(hashes)) };
  await writeFileAtomically(join(directory, manifestName), JSON.stringify({ format, ...kept }, undefined, 2));
  return { directory, ...kept };
}

/** Reads a snapshot and checks every hash. Throws VM_SNAPSHOT_FAILED. */
export async function readSnapshot(directory: string): Promise<Snapshot> {
  const path = join(directory, manifestName);
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  const manifest = Manifest.safeParse(parse(text));
  if (!manifest.success) throw unreadable(path, manifest.error);
  const snapshot = { ...manifest.data, directory };
  await Promise.all(snapshotFiles.map((name) => verifyFile(snapshot, name)));
  return snapshot;
}

/** Throws VM_SNAPSHOT_FAILED when the file does not have the content that the manifest names. */
export async function verifyFile(snapshot: Pick<Snapshot, 'directory' | 'files'>, name: string): Promise<void> {
  const path = join(snapshot.directory, name);
  const found = await hashFile(path).catch((error: Error) => error.message);
  if (found === snapshot.files[name]) return;
  throw new BigboxError('VM_SNAPSHOT_FAILED', {
    message: `${path} is damaged: it does not have the content that was saved.`,
    context: { path, expected: snapshot.files[name] ?? 'none', found },
  });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const unreadable = (path: string, cause: unknown): BigboxError =>
  new BigboxError('VM_SNAPSHOT_FAILED', {
    message: `${path} is not the manifest of a snapshot.`,
    context: { path },
    cause,
  });

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex');
}
