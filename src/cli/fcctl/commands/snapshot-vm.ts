import { Command, Option } from 'commander';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatBytes, formatDuration, formatLine } from '../../output/format.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { addLabel, parseSecondsUpTo } from '../parse-words.ts';
import { withVmService } from '../vm-service.ts';

interface SnapshotFlags extends InstanceFlags {
  readonly name?: string;
  readonly label?: Readonly<Record<string, string>>;
  readonly ttl?: number;
  readonly json?: true;
}

/** `fcctl vm snapshot`: keeps memory, devices and disk of a VM, and prints the id. */
export function snapshotVmCommand(): Command {
  const command = withInstanceFlags(
    new Command('snapshot')
      .description('Keep memory and disk of a VM as they are now, and print the id of the snapshot.')
      .addArgument(vmArgument())
      .addOption(new Option('--name <name>', 'a name to call it by (default: its id)'))
      .addOption(
        new Option('--label <key=value>', 'a label to know it by; may be repeated (default: none)').argParser(addLabel),
      )
      .addOption(
        new Option('--ttl <seconds>', 'how long it is kept (default: until it is removed)').argParser(
          parseSecondsUpTo(315_360_000),
        ),
      ),
  )
    .addOption(jsonFlag())
    .action((word: string, { name, label, ttl, json, ...flags }: SnapshotFlags) =>
      withVmService(flags, async (client, signal) => {
        const started = performance.now();
        const wish = {
          ...(name === undefined ? {} : { name }),
          ...(label === undefined ? {} : { metadata: { ...label } }),
          ...(ttl === undefined ? {} : { ttl_seconds: ttl }),
        };
        const snapshot = await client.createSnapshot(await findVmId(client, word, signal), wish, signal);
        const time = formatDuration(performance.now() - started);
        process.stderr.write(`${formatLine(snapshot.id, 'kept', time, formatBytes(snapshot.bytes))}\n`);
        process.stdout.write(json === true ? `${JSON.stringify(snapshot)}\n` : `${snapshot.id}\n`);
      }),
    );
  return withExamples(
    command,
    ['fcctl vm snapshot try --name before', 'keeps the VM named try as it is'],
    ['fcctl vm create --snapshot $(fcctl vm snapshot try)', 'makes a second one that goes on from there'],
  );
}
