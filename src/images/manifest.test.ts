import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { exists } from './cache.ts';
import { imageFiles, openImage, recordFiles, verifyImage, writeManifest } from './manifest.ts';

let parent: string;
let directory: string;

beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'bigbox-image-'));
  directory = parent;
  await writeFile(join(directory, 'root.ext4'), 'the disk');
  await writeFile(join(directory, 'vmlinux'), 'the kernel');
  await writeFile(join(directory, 'initramfs.cpio'), 'the agent');
  const files = await recordFiles(directory, Object.values(imageFiles));
  await writeManifest(directory, {
    id: 'id',
    distribution: 'Debian',
    release: 'bookworm',
    agent_sha256: 'none',
    files,
  });
});

afterEach(() => rm(parent, { recursive: true, force: true }));

describe('verifyImage()', () => {
  test('accepts what was built, and remembers that it did', async () => {
    const image = await openImage(directory);
    await verifyImage(image);
    expect(await readdir(directory)).toContain('verified.json');
    await verifyImage(image);
  });

  test('refuses and removes an image with a changed file of the same size', async () => {
    const image = await openImage(directory);
    await verifyImage(image);
    await writeFile(join(directory, 'vmlinux'), 'the k3rnel');
    await expect(verifyImage(image)).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
    expect(await exists(directory)).toBe(false);
  });

  test('refuses a changed file of the same size and the same time', async () => {
    const image = await openImage(directory);
    const path = join(directory, 'root.ext4');
    const time = new Date(1_000_000_000_000);
    await utimes(path, time, time);
    await verifyImage(image);
    await writeFile(path, 'the d1sk');
    await utimes(path, time, time);
    await expect(verifyImage(image)).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  });

  test('refuses an image with a missing file', async () => {
    const image = await openImage(directory);
    await rm(join(directory, 'root.ext4'));
    await expect(verifyImage(image)).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  });
});

describe('openImage()', () => {
  test('refuses a malformed manifest', async () => {
    await writeFile(join(directory, 'manifest.json'), '{}');
    await expect(openImage(directory)).rejects.toMatchObject({ code: 'IMAGE_INVALID' });
  });
});
