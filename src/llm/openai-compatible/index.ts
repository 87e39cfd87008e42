export {
  createOpenAiCompatibleModel,
  listOpenAiModels,
  type OpenAiCompatibleOptions,
} from './openai-compatible-model.ts';
