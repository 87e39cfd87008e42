import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { Configuration, Environment } from '../../config/index.ts';
import { ensureGuestAgent, ensureImage } from '../../images/index.ts';
import { type DownloadProgress, ensureModel } from '../../llm/store/index.ts';
import { chooseModel } from '../model-service/choose-model.ts';
import { modelSources } from './model-sources.ts';
import { type SystemPackage, installPackages } from './packages.ts';
import type { Step, StepContext } from './step.ts';
import { ensureWebPages } from './web-pages.ts';

export interface SetupOptions {
  readonly configuration: Configuration;
  readonly environment: Environment;
  /** The folder of this Bigbox. */
  readonly root: string;
  readonly missingPackages: readonly SystemPackage[];
  /** Models to fetch; empty where another server brings its own. */
  readonly models: readonly ('default' | 'test')[];
}

/** The model of the tests: small, and good enough to be read. */
const testModel = 'qwen2.5-coder:0.5b';
const withoutVms = 'Everything but code: agents answer, their code is shown and not run.';

/** The steps that bring everything onto the machine that the services need. */
export function setupSteps(options: SetupOptions): readonly Step[] {
  const { configuration, environment, root } = options;
  const build = ({ report, signal }: StepContext) => ({
    cacheDir: configuration.cacheDir,
    environment: { ...environment },
    signal,
    onProgress: ({ step }: { readonly step: string }) => report({ doing: step }),
  });
  const ensureAgent = (context: StepContext): Promise<string> =>
    ensureGuestAgent({ ...build(context), sourceDir: join(root, 'guest') });
  return [
    {
      name: 'packages',
      needs: [],
      heavy: false,
      stillWorks: 'What is installed already: without QEMU no code is run, with Ollama there is a model all the same.',
      run: async (context) => {
        const { missingPackages } = options;
        if (missingPackages.length === 0) return '';
        await installPackages(missingPackages, context, environment);
        return missingPackages.map(({ name }) => name).join(', ');
      },
    },
    {
      name: 'guest agent',
      needs: [],
      follows: ['packages'],
      heavy: true,
      stillWorks: withoutVms,
      run: async (context) => {
        await ensureAgent(context);
        return '';
      },
    },
    {
      name: 'vm image',
      needs: ['guest agent'],
      heavy: true,
      stillWorks: withoutVms,
      run: async (context) => {
        const image = await ensureImage({ ...build(context), agentPath: await ensureAgent(context) });
        const { blocks } = await stat(image.rootPath);
        return `${Math.round((blocks * 512) / 1e6)} MB`;
      },
    },
    {
      name: 'web pages',
      needs: [],
      heavy: true,
      stillWorks: 'The API and bigbox run; there are no pages.',
      run: async ({ report, signal }) => {
        const onStart = (): void => report({ doing: 'building' });
        await ensureWebPages(root, { environment, signal, onStart });
        return '';
      },
    },
    ...options.models.map((kind) => modelStep(kind, configuration, environment)),
  ];
}

function modelStep(kind: 'default' | 'test', configuration: Configuration, environment: Environment): Step {
  return {
    name: kind === 'test' ? 'test model' : 'model',
    needs: [],
    follows: ['packages'],
    heavy: false,
    stillWorks: 'With Ollama on this machine, or with llm_base_url in the configuration, that model serves.',
    run: async ({ report, signal }) => {
      const { cacheDir } = configuration;
      const name = kind === 'test' ? testModel : await chooseModel(configuration.model.name, cacheDir);
      const onProgress = (progress: DownloadProgress): void =>
        report({
          doing: progress.step === 'verifying' ? 'checking the hash' : `from ${progress.source}`,
          completed: progress.completedBytes,
          total: progress.totalBytes,
          unit: 'bytes',
        });
      const sources = modelSources({ home: environment['HOME'] ?? homedir() });
      const { model } = await ensureModel(name, { cacheDir, sources, onProgress, signal });
      return model.name;
    },
  };
}
