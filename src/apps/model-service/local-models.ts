import { stat } from 'node:fs/promises';
import { AsyncQueue } from '../../lib/async.ts';
import type { InstalledModel } from '../../api/ollama/index.ts';
import {
  type CatalogueModel,
  type DownloadProgress,
  type Source,
  ensureModel,
  findModel,
  findStoredModel,
  listModels,
  removeModel,
} from '../../llm/store/index.ts';

const reportEveryMs = 200;

/** The models that are on this machine, as the Ollama face wants to see them. */
export class LocalModels {
  readonly #cacheDir: string;
  readonly #sources: readonly Source[];

  constructor(cacheDir: string, sources: readonly Source[]) {
    this.#cacheDir = cacheDir;
    this.#sources = sources;
  }

  /** All of them, `first` before the others and models for tests last: clients take the first where they name none. */
  async installed(first: string | undefined): Promise<readonly InstalledModel[]> {
    const rank = ({ model }: { readonly model: CatalogueModel }): number =>
      model.name === first ? 0 : model.role === 'default' ? 1 : 2;
    const present = (await listModels(this.#cacheDir))
      .filter((listed) => listed.installed)
      .toSorted((one, other) => rank(one) - rank(other));
    return Promise.all(present.map(async ({ model, path }) => ({ model, path, modifiedAt: (await stat(path)).mtime })));
  }

  /** Finds a model by name whose content is here and right. */
  async find(name: string): Promise<InstalledModel | undefined> {
    if (findModel(name) === undefined) return undefined;
    const stored = await findStoredModel(name, this.#cacheDir);
    return stored === undefined ? undefined : { ...stored, modifiedAt: (await stat(stored.path)).mtime };
  }

  /** Downloads a model. Breaking out of the loop stops the download, which goes on where it was the next time. */
  async *pull(name: string, signal: AbortSignal): AsyncGenerator<DownloadProgress, void> {
    const progress = new AsyncQueue<DownloadProgress>();
    const stop = new AbortController();
    let lastAt = 0;
    const onProgress = (update: DownloadProgress): void => {
      const now = performance.now();
      if (update.step === 'downloading' && update.completedBytes < update.totalBytes && now - lastAt < reportEveryMs)
        return;
      lastAt = now;
      progress.push(update);
    };
    ensureModel(name, {
      cacheDir: this.#cacheDir,
      sources: this.#sources,
      onProgress,
      signal: AbortSignal.any([signal, stop.signal]),
    }).then(
      () => progress.end(),
      (error: unknown) => progress.fail(error),
    );
    try {
      yield* progress;
    } finally {
      stop.abort();
    }
  }

  remove(name: string): Promise<boolean> {
    return removeModel(name, this.#cacheDir);
  }
}
