import type { GenerationEvent, GenerationRequest, LoadedModelFacts, ThreadSpeed } from '../../llm/embedded/index.ts';
import type { CatalogueModel, DownloadProgress } from '../../llm/store/index.ts';

/** A model that can be used at once. */
export interface InstalledModel {
  readonly model: CatalogueModel;
  readonly path: string;
  readonly modifiedAt: Date;
}

export interface LoadedModel {
  readonly installed: InstalledModel;
  readonly facts: LoadedModelFacts;
}

export interface ServerState {
  readonly state: 'ready' | 'starting' | 'unavailable';
  readonly model?: string;
  readonly threads: number;
  readonly idealThreads: number;
  readonly leases: readonly { readonly holder: string; readonly milliseconds: number }[];
  readonly speeds: readonly ThreadSpeed[];
  readonly tokensPerSecond?: number;
  readonly active: number;
  readonly waiting: number;
}

/** What the Ollama face needs of the model service behind it. */
export interface ModelServer {
  /** Which Bigbox this service belongs to. */
  readonly instance: string;
  readonly installed: () => Promise<readonly InstalledModel[]>;
  readonly find: (name: string) => Promise<InstalledModel | undefined>;
  readonly loaded: () => LoadedModel | undefined;
  /** Throws MODEL_FAILED, and the signal's reason. */
  readonly load: (model: InstalledModel, signal: AbortSignal) => Promise<void>;
  readonly unload: (model: InstalledModel, signal: AbortSignal) => Promise<void>;
  /** Throws MODEL_BUSY, MODEL_FAILED, INVALID_REQUEST, and the signal's reason. */
  readonly generate: (
    model: InstalledModel,
    request: GenerationRequest,
    signal: AbortSignal,
  ) => AsyncIterable<GenerationEvent>;
  /** Throws MODEL_NOT_FOUND, MODEL_DOWNLOAD_FAILED, DISK_FULL, and the signal's reason. */
  readonly pull: (name: string, signal: AbortSignal) => AsyncIterable<DownloadProgress>;
  readonly remove: (name: string) => Promise<boolean>;
  readonly yieldCores: (holder: string, milliseconds: number) => void;
  readonly state: () => ServerState;
}
