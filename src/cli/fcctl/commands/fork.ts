import { Command, Option } from 'commander';
import type { VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatDuration, formatLine } from '../../output/format.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { addLabel, parseWhole } from '../parse-words.ts';
import { untilRunning } from '../until-running.ts';
import { withVmService } from '../vm-service.ts';

interface ForkFlags extends InstanceFlags {
  readonly count?: number;
  readonly name?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly wait?: true;
  readonly json?: true;
}

/** `fcctl vm fork`: makes VMs that go on from where one stands, and prints their ids. */
export function forkCommand(): Command {
  const command = withInstanceFlags(
    new Command('fork')
      .description('Make VMs that go on from where a VM stands, which goes on too, and print their ids.')
      .addArgument(vmArgument())
      .addOption(new Option('--count <number>', 'how many, at most 100 (default: 1)').argParser(parseWhole(1, 100)))
      .addOption(new Option('--name <name>', 'their name before a number (default: that of the VM)'))
      .addOption(
        new Option('--label <key=value>', 'a label beside those of the VM; may be repeated (default: none)').argParser(
          addLabel,
        ),
      )
      .addOption(new Option('--wait', 'wait until commands can run in all of them')),
  )
    .addOption(jsonFlag())
    .action((word: string, flags: ForkFlags) =>
      withVmService(flags, async (client, signal) =>
        fork(client, await findVmId(client, word, signal), { flags, signal }),
      ),
    );
  return withExamples(
    command,
    ['fcctl vm fork try --count 4 --wait', 'four more, as the VM named try is now'],
    ['fcctl vm fork try --name attempt --json', 'prints attempt-1 as a JSON array of one VM'],
  );
}

interface ForkOptions {
  readonly flags: ForkFlags;
  readonly signal: AbortSignal;
}

async function fork(client: VmClient, id: string, { flags, signal }: ForkOptions): Promise<void> {
  const { count = 1, name, label, json } = flags;
  const started = performance.now();
  const labels = label === undefined ? {} : { metadata: { ...label } };
  let forks = await client.forkVm(id, { count, ...(name === undefined ? {} : { name }), ...labels }, signal);
  if (flags.wait === true) {
    forks = await Promise.all(forks.map((one) => untilRunning(client, one.id, signal)));
    const time = formatDuration(performance.now() - started);
    process.stderr.write(`${formatLine(id, 'forked', time, `${forks.length} running`)}\n`);
  }
  process.stdout.write(json === true ? `${JSON.stringify(forks)}\n` : forks.map((one) => `${one.id}\n`).join(''));
}
