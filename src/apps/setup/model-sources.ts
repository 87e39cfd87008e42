import { join } from 'node:path';
import { type Source, createFileSource, createHubSource, createOllamaSource } from '../../llm/store/index.ts';
import { createPythonPackageSource } from './model-packages.ts';

export interface ModelSourcesOptions {
  /** Home folder of the user, for Ollama's files. */
  readonly home: string;
  /** A model file that the user names. */
  readonly file?: string;
  /** Folder of Ollama's models where it is not the usual one. */
  readonly ollamaModels?: string;
  /** Another hub than Hugging Face. */
  readonly hubUrl?: string;
}

/** The places that a model may come from, in the order in which they are asked. The cache is asked by the store itself. */
export function modelSources(options: ModelSourcesOptions): readonly Source[] {
  const ollama = [join(options.home, '.ollama', 'models'), '/usr/share/ollama/.ollama/models'];
  return [
    ...(options.file === undefined ? [] : [createFileSource(options.file)]),
    createOllamaSource(options.ollamaModels === undefined ? ollama : [options.ollamaModels, ...ollama]),
    createHubSource(options.hubUrl === undefined ? {} : { url: options.hubUrl }),
    createPythonPackageSource(),
  ];
}
