import { Argument, Command, Option } from 'commander';
import { readLiveState } from '../../apps/all/index.ts';
import { runAnalysis, waitForModel } from '../analysis.ts';
import { type BroughtUp, bringUp } from '../bring-up.ts';
import { withExamples } from '../examples.ts';
import { jsonFlag } from '../flags/json.ts';
import { yesFlag } from '../flags/yes.ts';
import { type InstanceFlags, clientOf, configurationOf, withStartFlags } from '../instance.ts';
import { interruptible } from '../interruption.ts';
import { formatDuration } from '../output/format.ts';
import { parseNames } from '../parse-values.ts';

interface ParallelFlags extends InstanceFlags {
  readonly perspectives?: readonly string[];
  readonly domains?: readonly string[];
  readonly yes?: true;
  readonly json?: true;
  readonly debug?: true;
}

/** `bigbox run`: runs of workflows in the terminal. */
export function runCommand(): Command {
  const command = new Command('run')
    .description('Run a workflow here and print its result.')
    .addCommand(parallelCommand());
  return withExamples(
    command,
    ['bigbox run parallel "Is a four-day week worth it?"', 'asks three perspectives'],
    ['bigbox run parallel "Solar roofs" --perspectives critical,creative', 'asks two of them'],
  );
}

function parallelCommand(): Command {
  const command = withStartFlags(
    new Command('parallel')
      .description('Let several agents look into a topic at the same time; Ctrl-C cancels.')
      .addArgument(new Argument('<topic>', 'what to look into'))
      .addOption(
        new Option(
          '--perspectives <names>',
          'names between commas (default: analytical, practical, critical)',
        ).argParser(parseNames),
      )
      .addOption(new Option('--domains <names>', 'names between commas (default: none)').argParser(parseNames)),
  )
    .addOption(yesFlag())
    .addOption(jsonFlag())
    .action((topic: string, flags: ParallelFlags) => interruptible((signal) => runParallel(topic, flags, signal)));
  return withExamples(
    command,
    ['bigbox run parallel "Is a four-day week worth it?"', 'prints the synthesis'],
    ['bigbox run parallel "Solar roofs" --domains economic,legal --json', 'prints all of it as JSON'],
  );
}

async function runParallel(topic: string, flags: ParallelFlags, signal: AbortSignal): Promise<void> {
  const { configuration, state } = await runningOrBroughtUp(flags, signal);
  const client = await clientOf(configuration, state.url);
  await waitForModel(client, signal);
  const result = await runAnalysis(
    client,
    {
      prompt: topic,
      ...(flags.perspectives === undefined ? {} : { perspectives: [...flags.perspectives] }),
      ...(flags.domains === undefined ? {} : { domains: [...flags.domains] }),
    },
    signal,
  );
  const { wall_time_ms: wallMs, total_tokens: tokens, vm_executions: executions } = result.execution_summary;
  process.stderr.write(`  done in ${formatDuration(wallMs)}, ${tokens} tokens, ${executions} microVM executions\n\n`);
  process.stdout.write(flags.json === true ? `${JSON.stringify(result)}\n` : `${result.aggregated_result.trim()}\n`);
}

/** What runs is taken as it is; only where nothing does, the flags of a start count. */
async function runningOrBroughtUp(flags: ParallelFlags, signal: AbortSignal): Promise<Omit<BroughtUp, 'failedSteps'>> {
  const configuration = configurationOf(flags);
  const state = await readLiveState(configuration.dataDir);
  if (state !== undefined) return { configuration, state };
  return bringUp(flags, { yes: flags.yes === true, debug: flags.debug === true, signal });
}
