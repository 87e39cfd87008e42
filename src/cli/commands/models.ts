import { homedir } from 'node:os';
import { Argument, Command } from 'commander';
import { ensureModel, listModels, modelSources, removeModel } from '../../apps/setup/index.ts';
import { processEnvironment } from '../../config/index.ts';
import { BigboxError } from '../../contracts/errors.ts';
import { withExamples } from '../examples.ts';
import { configFlag } from '../flags/config.ts';
import { jsonFlag } from '../flags/json.ts';
import { type InstanceFlags, configurationOf } from '../instance.ts';
import { interruptible } from '../interruption.ts';
import { formatBytes, formatDuration, formatLine } from '../output/format.ts';
import { LiveBlock } from '../output/live-block.ts';

const nameArgument = (): Argument => new Argument('<name>', 'name of the model, as bigbox models list shows it');

/** `bigbox models`: the models of the built-in model service. */
export function modelsCommand(): Command {
  const command = new Command('models')
    .description('Manage the models of the built-in model service.')
    .addCommand(listCommand())
    .addCommand(pullCommand())
    .addCommand(removeCommand());
  return withExamples(
    command,
    ['bigbox models list', 'lists what there is'],
    ['bigbox models pull qwen2.5-coder:0.5b', 'fetches one'],
  );
}

function listCommand(): Command {
  const command = new Command('list')
    .description('List the models that can be had, and those that are here.')
    .addOption(configFlag())
    .addOption(jsonFlag())
    .action(async (flags: InstanceFlags & { readonly json?: true }) => {
      const listed = (await listModels(configurationOf(flags).cacheDir)).map(({ model, installed, partialBytes }) => ({
        name: model.name,
        installed,
        bytes: model.bytes,
        partial_bytes: partialBytes,
        memory_bytes: model.memoryBytes,
        licence: model.licence,
        suits: model.suits,
      }));
      if (flags.json === true) return void process.stdout.write(`${JSON.stringify(listed)}\n`);
      for (const { name, installed, bytes, licence, suits } of listed)
        process.stdout.write(
          `  ${name.padEnd(20)} ${(installed ? 'here' : '-').padEnd(5)} ${formatBytes(bytes).padStart(7)}  ${licence.padEnd(11)} ${suits}\n`,
        );
    });
  return withExamples(
    command,
    ['bigbox models list', 'name, whether it is here, size, licence'],
    ['bigbox models list --json', 'the same for programs'],
  );
}

function pullCommand(): Command {
  const command = new Command('pull')
    .description('Fetch a model, going on where an earlier fetch stopped, and check its hash.')
    .addArgument(nameArgument())
    .addOption(configFlag())
    .action((name: string, flags: InstanceFlags) => interruptible((signal) => pull(name, flags, signal)));
  return withExamples(
    command,
    ['bigbox models pull qwen2.5-coder:0.5b', 'the small one'],
    ['bigbox models pull qwen2.5-coder:1.5b', 'the one that reads better'],
  );
}

async function pull(name: string, flags: InstanceFlags, signal: AbortSignal): Promise<void> {
  const { cacheDir } = configurationOf(flags);
  const block = new LiveBlock(process.stderr);
  const started = performance.now();
  const sources = modelSources({ home: processEnvironment()['HOME'] ?? homedir() });
  const { model } = await ensureModel(name, {
    cacheDir,
    sources,
    signal,
    onProgress: ({ step, source, completedBytes, totalBytes }) => {
      const count = `${Math.round(completedBytes / 1e6)} of ${Math.round(totalBytes / 1e6)} MB`;
      const state = `${Math.floor((completedBytes / totalBytes) * 100)} %`;
      block.show([
        formatLine('model', state, '', count, step === 'verifying' ? 'checking the hash' : `from ${source}`),
      ]);
    },
  });
  block.keep(formatLine('model', 'done', formatDuration(performance.now() - started), model.name));
}

function removeCommand(): Command {
  const command = new Command('rm')
    .description('Remove a model from this machine.')
    .addArgument(nameArgument())
    .addOption(configFlag())
    .action(async (name: string, flags: InstanceFlags) => {
      if (await removeModel(name, configurationOf(flags).cacheDir)) return;
      throw new BigboxError('MODEL_NOT_FOUND', {
        message: `The model ${name} is not on this machine.`,
        remedy: 'bigbox models list shows what is here.',
      });
    });
  return withExamples(
    command,
    ['bigbox models rm qwen2.5-coder:0.5b', 'frees 491 MB'],
    ['bigbox models rm qwen2.5-coder:1.5b', 'frees 1.1 GB'],
  );
}
