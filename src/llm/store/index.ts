export { type CatalogueModel, findModel } from './catalogue.ts';
export { type MachineMemory, chooseDefaultModel } from './default-model.ts';
export { createFileSource, createOllamaSource } from './file-source.ts';
export { type HubOptions, createHubSource } from './hub-source.ts';
export type { Source, Target } from './source.ts';
export {
  type DownloadProgress,
  type EnsureOptions,
  type ListedModel,
  type StoredModel,
  ensureModel,
  findStoredModel,
  listModels,
  removeModel,
} from './store.ts';
