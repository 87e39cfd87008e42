import { mkdir, rename, rm, statfs } from 'node:fs/promises';
import { BigboxError } from '../../contracts/errors.ts';
import { type CatalogueModel, catalogue, getModel } from './catalogue.ts';
import { hashFile, isIntact, markVerified, modelPath, modelsDirectory, sizeOf, verifiedPath } from './files.ts';
import { withFileLock } from './lock.ts';
import type { Source } from './source.ts';

export interface DownloadProgress {
  readonly model: CatalogueModel;
  readonly step: 'downloading' | 'verifying';
  /** Where the bytes come from. */
  readonly source: string;
  readonly completedBytes: number;
  readonly totalBytes: number;
}

export interface EnsureOptions {
  readonly cacheDir: string;
  /** Asked in this order until one brings the model. */
  readonly sources: readonly Source[];
  readonly onProgress?: (progress: DownloadProgress) => void;
  readonly signal: AbortSignal;
  /** Free bytes of the file system that holds a folder. Default: asked of the system. */
  readonly freeBytes?: (directory: string) => Promise<number>;
}

/** A model whose whole, verified content is on this machine. */
export interface StoredModel {
  readonly model: CatalogueModel;
  readonly path: string;
}

const reserveBytes = 256 * 1024 * 1024;

async function freeBytesOf(directory: string): Promise<number> {
  const { bavail, bsize } = await statfs(directory);
  return bavail * bsize;
}

interface Attempt {
  readonly model: CatalogueModel;
  readonly source: Source;
  readonly partial: string;
  readonly options: EnsureOptions;
}

/** Throws DISK_FULL when the rest of the model does not fit. */
async function requireSpace({ model, source, partial, options }: Attempt): Promise<void> {
  const directory = modelsDirectory(options.cacheDir);
  const free = await (options.freeBytes ?? freeBytesOf)(directory);
  const needed = model.bytes - (await sizeOf(partial)) + (source.extraBytes?.(model) ?? 0) + reserveBytes;
  if (free >= needed) return;
  throw new BigboxError('DISK_FULL', {
    message: `${model.name} needs ${needed} free bytes in ${directory}, but there are ${free}.`,
    context: { model: model.name, directory, needed_bytes: needed, free_bytes: free },
    remedy: `Free ${needed - free} bytes on the file system of ${directory}.`,
  });
}

/** Lets one source bring the rest of the file. Throws the reason when what is there afterwards is not the model. */
async function tryOnce({ model, source, partial, options }: Attempt): Promise<void> {
  const report = (step: DownloadProgress['step'], completedBytes: number): void =>
    options.onProgress?.({ model, step, source: source.name, completedBytes, totalBytes: model.bytes });
  const bytesPresent = await sizeOf(partial);
  if (bytesPresent < model.bytes) {
    report('downloading', bytesPresent);
    const onBytes = (bytes: number): void => report('downloading', bytes);
    await source.fetch(model, { path: partial, bytesPresent, onBytes, signal: options.signal });
  }
  const bytes = await sizeOf(partial);
  if (bytes < model.bytes) throw new Error(`ended after ${bytes} of ${model.bytes} bytes`);
  report('verifying', bytes);
  const hash = bytes === model.bytes ? await hashFile(partial, options.signal) : `that of ${bytes} bytes`;
  if (hash === model.sha256) return;
  await rm(partial, { force: true });
  throw new Error(`brought other content: expected sha256 ${model.sha256}, got ${hash}`);
}

/** Like `tryOnce`; where what an earlier source left was to blame, once more from nothing. */
async function trySource(attempt: Attempt): Promise<void> {
  const resumed = (await sizeOf(attempt.partial)) > 0;
  await requireSpace(attempt);
  try {
    await tryOnce(attempt);
  } catch (error) {
    const startedOver = resumed && (await sizeOf(attempt.partial)) === 0;
    if (!startedOver || attempt.options.signal.aborted) throw error;
    await tryOnce(attempt);
  }
}

async function download(model: CatalogueModel, options: EnsureOptions): Promise<void> {
  const path = modelPath(options.cacheDir, model);
  const partial = `${path}.partial`;
  const reasons: string[] = [];
  for (const source of options.sources) {
    options.signal.throwIfAborted();
    try {
      await trySource({ model, source, partial, options });
      await rename(partial, path);
      await markVerified(path);
      return;
    } catch (error) {
      options.signal.throwIfAborted();
      if (error instanceof BigboxError && error.code === 'DISK_FULL') throw error;
      reasons.push(`${source.name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new BigboxError('MODEL_DOWNLOAD_FAILED', {
    message: `No source brought ${model.name}. ${reasons.join('. ') || 'There is no source'}.`,
    context: { model: model.name, sha256: model.sha256, sources: reasons },
    remedy: `Check the network, or put the file (${model.file}) at ${path} by hand.`,
  });
}

/**
 * Makes sure that a model's verified content is on this machine and says where. Goes on where an interrupted download stopped;
 * of several processes one downloads and the others wait. Throws MODEL_NOT_FOUND (not in the catalogue), DISK_FULL,
 * MODEL_DOWNLOAD_FAILED (every source with its reason), and the signal's reason.
 */
export async function ensureModel(name: string, options: EnsureOptions): Promise<StoredModel> {
  return ensureContent(getModel(name), options);
}

/** Like `ensureModel`, for a model that need not be in the catalogue. */
export async function ensureContent(model: CatalogueModel, options: EnsureOptions): Promise<StoredModel> {
  const path = modelPath(options.cacheDir, model);
  if (await isIntact(path, model, options.signal)) return { model, path };
  await mkdir(modelsDirectory(options.cacheDir), { recursive: true });
  await withFileLock(
    `${path}.lock`,
    async () => {
      if (!(await isIntact(path, model, options.signal))) await download(model, options);
    },
    { signal: options.signal },
  );
  return { model, path };
}

/** Finds a model that is on this machine already, without a download. */
export async function findStoredModel(name: string, cacheDir: string): Promise<StoredModel | undefined> {
  const model = getModel(name);
  const path = modelPath(cacheDir, model);
  return (await isIntact(path, model, new AbortController().signal)) ? { model, path } : undefined;
}

export interface ListedModel {
  readonly model: CatalogueModel;
  readonly path: string;
  readonly installed: boolean;
  /** Bytes of an unfinished download. */
  readonly partialBytes: number;
}

/** Lists every model of the catalogue and whether it is on this machine (by size; its hash is checked when it is used). */
export async function listModels(cacheDir: string): Promise<readonly ListedModel[]> {
  return Promise.all(
    catalogue.map(async (model) => {
      const path = modelPath(cacheDir, model);
      return {
        model,
        path,
        installed: (await sizeOf(path)) === model.bytes,
        partialBytes: await sizeOf(`${path}.partial`),
      };
    }),
  );
}

/** Removes a model and what is left of its downloads; says whether there was anything. Throws MODEL_NOT_FOUND. */
export async function removeModel(name: string, cacheDir: string): Promise<boolean> {
  const path = modelPath(cacheDir, getModel(name));
  const existed = (await sizeOf(path)) > 0 || (await sizeOf(`${path}.partial`)) > 0;
  for (const file of [path, `${path}.partial`, verifiedPath(path)]) await rm(file, { force: true });
  return existed;
}
