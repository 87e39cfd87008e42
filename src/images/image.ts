import { createHash } from 'node:crypto';
import { link, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BigboxError } from '../contracts/errors.ts';
import { type BuildOptions, ensureDirectory, forget } from './cache.ts';
import { createInitramfs } from './initramfs.ts';
import { extractKernel } from './kernel.ts';
import {
  FileRecords,
  type Image,
  hashFile,
  imageFiles,
  openImage,
  parseJson,
  recordFiles,
  verifyImage,
  writeManifest,
} from './manifest.ts';
import { type KernelModule, collectModules, neededModules } from './modules.ts';
import { guestPackages } from './packages.ts';
import { buildRootFileSystem, rootSize } from './root-file-system.ts';
import { type PackageSources, findPackageSources } from './sources.ts';

/** Raise it when the recipe changes in a way that its inputs below do not show. */
const recipe = 1;
/** Hashes of the base's files, taken when they were written: an image never vouches for what it finds later. */
const baseRecords = 'base.json';

export interface ImageOptions extends BuildOptions {
  /** The static guest agent, from `ensureGuestAgent`. */
  readonly agentPath: string;
}

/**
 * Gives a verified image for this agent, building what the cache lacks: the base (root file system and kernel) takes minutes and
 * is shared by all agents; the initramfs takes a moment. What the cache holds damaged is removed and built again, once.
 * Throws IMAGE_BUILD_FAILED, and IMAGE_INVALID when a new build is damaged too.
 */
export async function ensureImage(options: ImageOptions): Promise<Image> {
  const sources = await findPackageSources();
  const base = join(options.cacheDir, 'images', `base-${toKey(baseInputs(sources))}`);
  try {
    return await openOrBuild(base, sources, options);
  } catch (error) {
    if (!(error instanceof BigboxError) || error.code !== 'IMAGE_INVALID') throw error;
    options.onProgress?.({ step: `building the image again: ${error.message}` });
    // The image's files are links to the base's.
    await forget(base);
    return await openOrBuild(base, sources, options);
  }
}

async function openOrBuild(base: string, sources: PackageSources, options: ImageOptions): Promise<Image> {
  await ensureDirectory(base, options.signal, (unfinished) => buildBase(unfinished, sources, options));
  const agentHash = await hashFile(options.agentPath);
  const id = toKey({ ...baseInputs(sources), agentHash });
  const directory = await ensureDirectory(join(dirname(base), id), options.signal, async (unfinished) => {
    options.onProgress?.({ step: 'writing the initramfs and the manifest' });
    await writeInitramfs(unfinished, base, options.agentPath);
    const files = { ...(await linkBase(unfinished, base)), ...(await recordFiles(unfinished, [imageFiles.initramfs])) };
    const { distribution, release } = sources;
    await writeManifest(unfinished, { id, distribution, release, agent_sha256: agentHash, files });
  });
  const image = await openImage(directory);
  await verifyImage(image);
  return image;
}

const baseInputs = (sources: PackageSources): Record<string, unknown> => ({
  recipe,
  rootSize,
  packages: guestPackages,
  modules: neededModules,
  distribution: sources.distribution,
  release: sources.release,
});

const toKey = (inputs: Record<string, unknown>): string =>
  createHash('sha256').update(JSON.stringify(inputs)).digest('hex').slice(0, 32);

async function buildBase(unfinished: string, sources: PackageSources, options: BuildOptions): Promise<void> {
  await buildRootFileSystem(unfinished, sources, { ...options, packages: guestPackages });
  options.onProgress?.({ step: 'unpacking the kernel' });
  const { kernel, modules } = await unpackKernel(unfinished, neededModules);
  await writeFile(join(unfinished, imageFiles.kernel), kernel);
  // Kept by themselves, numbered in loading order: each image writes an initramfs of its own.
  for (const [index, { file, content }] of modules.entries()) {
    await writeFile(join(unfinished, `module-${String(index).padStart(2, '0')}-${file}`), content);
  }
  await rm(join(unfinished, 'kernel'), { recursive: true });
  const records = await recordFiles(unfinished, [imageFiles.root, imageFiles.kernel]);
  await writeFile(join(unfinished, baseRecords), JSON.stringify(records));
}

/** Takes the kernel and modules of it out of what `buildRootFileSystem` put into `kernel/`. Throws IMAGE_BUILD_FAILED. */
export async function unpackKernel(
  directory: string,
  moduleNames: readonly string[],
): Promise<{ readonly kernel: Buffer; readonly modules: readonly KernelModule[] }> {
  const boot = join(directory, 'kernel', 'boot');
  const packed = (await readdir(boot)).find((name) => name.startsWith('vmlinuz-'));
  if (packed === undefined) {
    throw new BigboxError('IMAGE_BUILD_FAILED', { message: 'The kernel package holds no kernel.' });
  }
  const kernel = await extractKernel(await readFile(join(boot, packed)));
  return { kernel, modules: await collectModules(await findModuleDirectory(directory, packed), moduleNames) };
}

/** Modules lie below /lib, or /usr/lib where the two are one. */
async function findModuleDirectory(unfinished: string, packed: string): Promise<string> {
  const version = packed.slice('vmlinuz-'.length);
  for (const library of ['lib', 'usr/lib']) {
    const directory = join(unfinished, 'kernel', library, 'modules', version);
    if ((await readdir(directory).catch(() => [])).length > 0) return directory;
  }
  throw new BigboxError('IMAGE_BUILD_FAILED', { message: `The kernel package holds no modules for ${version}.` });
}

/** Disk and kernel are hard links to the base's: an image adds its initramfs only. Gives what the base recorded of them. */
async function linkBase(unfinished: string, base: string): Promise<FileRecords> {
  for (const name of [imageFiles.root, imageFiles.kernel]) {
    await rm(join(unfinished, name), { force: true });
    await link(join(base, name), join(unfinished, name));
  }
  const records = FileRecords.safeParse(parseJson(await readFile(join(base, baseRecords), 'utf8').catch(() => '')));
  if (records.success) return records.data;
  throw new BigboxError('IMAGE_INVALID', { message: `${base} does not say what its files hold.` });
}

async function writeInitramfs(unfinished: string, base: string, agentPath: string): Promise<void> {
  const names = (await readdir(base)).filter((name) => name.startsWith('module-')).toSorted();
  const modules = await Promise.all(
    names.map(async (name) => ({ file: name.replace(/^module-\d+-/, ''), content: await readFile(join(base, name)) })),
  );
  await writeFile(join(unfinished, imageFiles.initramfs), createInitramfs(await readFile(agentPath), modules));
}
