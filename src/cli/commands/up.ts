import { access } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from 'commander';
import { ageOfThisProcess } from '../../apps/all/index.ts';
import { writeFileAtomically } from '../../lib/files.ts';
import { runAnalysis, waitForModel } from '../analysis.ts';
import { type BroughtUp, bringUp } from '../bring-up.ts';
import { withExamples } from '../examples.ts';
import { jsonFlag } from '../flags/json.ts';
import { noSampleFlag } from '../flags/no-sample.ts';
import { yesFlag } from '../flags/yes.ts';
import { type InstanceFlags, clientOf, withStartFlags } from '../instance.ts';
import { interruptible } from '../interruption.ts';
import { formatDuration } from '../output/format.ts';
import { describeStatus } from './status.ts';

interface UpFlags extends InstanceFlags {
  readonly yes?: true;
  readonly json?: true;
  readonly sample: boolean;
  readonly debug?: true;
}

const sample = {
  prompt: 'Impact of AI on software development',
  perspectives: ['analytical', 'practical', 'critical'],
};

/** `bigbox up`: sets up what is missing and starts everything. */
export function upCommand(): Command {
  const command = withStartFlags(
    new Command('up').description('Set up what is missing, start everything, and print a link to log in with.'),
  )
    .addOption(noSampleFlag())
    .addOption(yesFlag())
    .addOption(jsonFlag())
    .action((flags: UpFlags) => interruptible((signal) => up(flags, signal)));
  return withExamples(
    command,
    ['bigbox up', 'sets up and starts on the usual ports'],
    ['bigbox up --port 3100 --vm-port 8180 --model-port 11534 --data-dir ~/second', 'starts a second one beside it'],
  );
}

async function up(flags: UpFlags, signal: AbortSignal): Promise<void> {
  const broughtUp = await bringUp(flags, { yes: flags.yes === true, debug: flags.debug === true, signal });
  const { configuration, state } = broughtUp;
  const client = await clientOf(configuration, state.url);
  const readyMs = ageOfThisProcess();
  if (flags.sample) await runSample(broughtUp, signal);
  const link = await client.createLoginLink();
  if (flags.json === true) {
    process.stdout.write(`${JSON.stringify({ ...(await describeStatus(configuration, signal)), login_link: link })}\n`);
    return;
  }
  process.stdout.write(`Ready in ${formatDuration(readyMs)}. Open ${link}   (one use, 10 minutes)\n`);
}

/** Runs the sample analysis of the first start, which proves that everything works. It stays in the history of the pages. */
async function runSample({ configuration, state }: BroughtUp, signal: AbortSignal): Promise<void> {
  const marker = join(configuration.dataDir, 'run', 'sample-done');
  if (
    await access(marker).then(
      () => true,
      () => false,
    )
  )
    return;
  const client = await clientOf(configuration, state.url);
  process.stderr.write('\nA first analysis, to see that everything works (--no-sample leaves it out):\n');
  await waitForModel(client, signal);
  const result = await runAnalysis(client, sample, signal);
  const { wall_time_ms: wallMs, total_tokens: tokens, vm_executions: executions } = result.execution_summary;
  process.stderr.write(
    `  done in ${formatDuration(wallMs)}, ${tokens} tokens, ${executions} microVM executions\n\n${indent(result.aggregated_result)}\n\n`,
  );
  await writeFileAtomically(marker, '');
}

const indent = (text: string): string =>
  text
    .trim()
    .split('\n')
    .map((line) => `  ${line}`.trimEnd())
    .join('\n');
