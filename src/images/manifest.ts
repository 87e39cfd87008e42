import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import { BigboxError } from '../contracts/errors.ts';
import { writeFileAtomically } from '../lib/files.ts';
import { forget } from './cache.ts';

/** `root`: the disk; `kernel`: uncompressed (ELF, with a PVH entry); `initramfs`: agent and modules. */
export const imageFiles = { root: 'root.ext4', kernel: 'vmlinux', initramfs: 'initramfs.cpio' } as const;

/** Name, hash and size of each file. */
export const FileRecords = z.record(z.string(), z.object({ sha256: z.string(), size: z.number() }));
export type FileRecords = z.infer<typeof FileRecords>;

const Manifest = z.object({
  format: z.literal(1),
  id: z.string(),
  distribution: z.string(),
  release: z.string(),
  agent_sha256: z.string(),
  created_at: z.string(),
  files: FileRecords,
});
export type Manifest = z.infer<typeof Manifest>;

/** The time of the last change (ctime) cannot be set by anyone: a file that was written to since its hash shows it. */
const Stamp = z.object({ size: z.number(), modified_ms: z.number(), changed_ms: z.number(), inode: z.number() });
const Stamps = z.record(z.string(), Stamp);
type Stamps = z.infer<typeof Stamps>;

/** A built image: files that are never written again. */
export interface Image {
  readonly id: string;
  readonly directory: string;
  readonly rootPath: string;
  readonly kernelPath: string;
  readonly initramfsPath: string;
  /** What the kernel must be told; the VMM adds its console. */
  readonly kernelArguments: string;
  readonly manifest: Manifest;
}

/** Hashes files of a directory. */
export async function recordFiles(directory: string, names: readonly string[]): Promise<FileRecords> {
  const records: FileRecords = {};
  for (const name of names) {
    const path = join(directory, name);
    records[name] = { sha256: await hashFile(path), size: (await stat(path)).size };
  }
  return records;
}

/** Writes the manifest of an image; the last step of a build. */
export async function writeManifest(directory: string, facts: Omit<Manifest, 'format' | 'created_at'>): Promise<void> {
  const manifest: Manifest = { format: 1, created_at: new Date().toISOString(), ...facts };
  await writeFileAtomically(join(directory, 'manifest.json'), `${JSON.stringify(manifest, undefined, 2)}\n`, 0o644);
}

/** Reads a built image without looking at its content. Throws IMAGE_INVALID when the manifest is missing or malformed. */
export async function openImage(directory: string): Promise<Image> {
  const text = await readFile(join(directory, 'manifest.json'), 'utf8').catch(() => '');
  const manifest = Manifest.safeParse(parseJson(text));
  if (!manifest.success) throw await invalid(directory, 'its manifest is missing or malformed');
  return {
    id: manifest.data.id,
    directory,
    rootPath: join(directory, imageFiles.root),
    kernelPath: join(directory, imageFiles.kernel),
    initramfsPath: join(directory, imageFiles.initramfs),
    kernelArguments: 'quiet loglevel=1 panic=-1 reboot=t root=/dev/vda random.trust_cpu=on',
    manifest: manifest.data,
  };
}

/**
 * Compares an image with its manifest: by hash where a file was touched since its last hash, by its stamp otherwise.
 * Throws IMAGE_INVALID, and removes the image, when a file is not what the manifest names.
 */
export async function verifyImage(image: Image): Promise<void> {
  const stampPath = join(image.directory, 'verified.json');
  const known = Stamps.safeParse(parseJson(await readFile(stampPath, 'utf8').catch(() => '')));
  const stamps: Stamps = {};
  let hashed = false;
  for (const [name, expected] of Object.entries(image.manifest.files)) {
    const path = join(image.directory, name);
    const found = await stat(path).catch(() => undefined);
    if (found === undefined) throw await invalid(image.directory, `${name} is missing`);
    if (found.size !== expected.size) {
      throw await invalid(image.directory, `${name} has ${found.size} bytes instead of ${expected.size}`);
    }
    const stamp = { size: found.size, modified_ms: found.mtimeMs, changed_ms: found.ctimeMs, inode: found.ino };
    stamps[name] = stamp;
    if (known.success && isDeepStrictEqual(known.data[name], stamp)) continue;
    if ((await hashFile(path)) !== expected.sha256) {
      throw await invalid(image.directory, `${name} does not have the content that its hash names`);
    }
    hashed = true;
  }
  if (hashed) await writeFileAtomically(stampPath, JSON.stringify(stamps), 0o644);
}

/** The SHA-256 of a file, in hexadecimal digits. */
export async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** Undefined where the text is no JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

async function invalid(directory: string, problem: string): Promise<BigboxError> {
  await forget(directory);
  return new BigboxError('IMAGE_INVALID', {
    message: `The VM image in ${directory} is not usable: ${problem}.`,
    context: { directory },
  });
}
