import type { CatalogueModel } from './catalogue.ts';

/** Where a source puts what it brings. */
export interface Target {
  /** The file that grows; the first `bytesPresent` bytes of the model are in it already. */
  readonly path: string;
  readonly bytesPresent: number;
  /** To be told how many bytes of the model the file holds. */
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/**
 * A place that may have a model. What it brings is untrusted: the store accepts only bytes with the pinned hash.
 * Throws with the reason, in words for a person, when it cannot bring the model.
 */
export interface Source {
  /** For messages: `file /a/b.gguf`, `Hugging Face`. */
  readonly name: string;
  /** Free space it needs beside the model's own size. */
  readonly extraBytes?: (model: CatalogueModel) => number;
  fetch(model: CatalogueModel, target: Target): Promise<void>;
}
