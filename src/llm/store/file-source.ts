import { constants, copyFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { CatalogueModel } from './catalogue.ts';
import type { Source, Target } from './source.ts';

async function copyWhole(path: string, model: CatalogueModel, target: Target): Promise<void> {
  const { size } = await stat(path);
  if (size !== model.bytes) throw new Error(`${path} has ${size} bytes, expected ${model.bytes}`);
  target.signal.throwIfAborted();
  // A copy on file systems that share blocks takes no time and no space.
  await copyFile(path, target.path, constants.COPYFILE_FICLONE);
  target.onBytes(size);
}

/** Creates a source that takes the model from a file that a person names. */
export function createFileSource(path: string): Source {
  return { name: `file ${path}`, fetch: (model, target) => copyWhole(path, model, target) };
}

async function firstExisting(paths: readonly string[]): Promise<string | undefined> {
  for (const path of paths) {
    const found = await stat(path).catch(() => undefined);
    if (found?.isFile() === true) return path;
  }
  return undefined;
}

/**
 * Creates a source that takes the model from the files of an installed Ollama, which names them by the same hash.
 * `directories` are its possible model folders, like `~/.ollama/models`.
 */
export function createOllamaSource(directories: readonly string[]): Source {
  return {
    name: 'Ollama',
    async fetch(model, target) {
      const path = await firstExisting(
        directories.map((directory) => join(directory, 'blobs', `sha256-${model.sha256}`)),
      );
      if (path === undefined) throw new Error(`no blob of this hash in ${directories.join(', ')}`);
      await copyWhole(path, model, target);
    },
  };
}
