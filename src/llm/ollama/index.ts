export { createOllamaModel, type OllamaModelOptions } from './ollama-model.ts';
export { listOllamaModels, pullOllamaModel } from './ollama-server.ts';
