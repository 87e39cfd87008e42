export type {
  JsonSchema,
  Model,
  ModelEvent,
  ModelRequest,
  ModelSource,
  ModelUsage,
  ModelWish,
  ResolvedModel,
} from './model.ts';
export { createOllamaModel, type OllamaModelOptions } from './ollama/index.ts';
export { createOpenAiCompatibleModel, type OpenAiCompatibleOptions } from './openai-compatible/index.ts';
export { createModelSource, type ModelProtocol, type ModelSourceOptions } from './source.ts';
