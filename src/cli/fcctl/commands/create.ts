import { Command, Option } from 'commander';
import type { CreateVmRequest, Vm } from '../../../contracts/vms.ts';
import type { VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatDuration, formatLine } from '../../output/format.ts';
import { findSnapshotId } from '../find-snapshot.ts';
import { addLabel, addVariable, parseSecondsUpTo, parseWhole } from '../parse-words.ts';
import { untilRunning } from '../until-running.ts';
import { withVmService } from '../vm-service.ts';

interface CreateFlags extends InstanceFlags {
  readonly type?: string;
  readonly snapshot?: string;
  readonly name?: string;
  readonly cpus?: number;
  readonly memory?: number;
  readonly label?: Readonly<Record<string, string>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly timeout?: number;
  readonly onTimeout?: Vm['on_timeout'];
  readonly wait?: true;
  readonly json?: true;
}

/** `fcctl vm create`: makes a VM and prints its id. */
export function createCommand(): Command {
  const command = withInstanceFlags(
    new Command('create')
      .description('Make a VM that lives until it is removed, and print its id.')
      .addOption(new Option('--type <type>', 'what it is made from (default: debian-bookworm)'))
      .addOption(new Option('--snapshot <snapshot>', 'id or name of a snapshot to go on from (default: none)'))
      .addOption(new Option('--name <name>', 'a name to call it by (default: its id)'))
      .addOption(new Option('--cpus <count>', 'its virtual processors (default: 1)').argParser(parseWhole(1, 64)))
      .addOption(
        new Option('--memory <MiB>', 'its memory (default: vm_memory_mib)').argParser(parseWhole(128, 1_048_576)),
      )
      .addOption(
        new Option('--label <key=value>', 'a label to find it by; may be repeated (default: none)').argParser(addLabel),
      )
      .addOption(
        new Option('--env <name=value>', 'a variable of all its commands; may be repeated (default: none)').argParser(
          addVariable,
        ),
      )
      .addOption(
        new Option('--timeout <seconds>', 'how long it may run (default: until it is removed)').argParser(
          parseSecondsUpTo(604_800),
        ),
      )
      .addOption(new Option('--on-timeout <action>', 'what happens then (default: kill)').choices(['kill', 'pause']))
      .addOption(new Option('--wait', 'wait until commands can run in it')),
  )
    .addOption(jsonFlag())
    .action((flags: CreateFlags) => withVmService(flags, (client, signal) => create(client, flags, signal)));
  return withExamples(
    command,
    ['vm=$(fcctl vm create --wait)', 'keeps the id of a VM that runs'],
    ['fcctl vm create --cpus 2 --memory 1024 --wait', 'one of a size of its own, which is booted'],
  );
}

const toWish = ({
  type,
  name,
  cpus,
  memory,
  label,
  env,
  timeout,
  onTimeout,
}: CreateFlags): Partial<CreateVmRequest> => ({
  ...(type === undefined ? {} : { vm_type: type }),
  ...(name === undefined ? {} : { vm_name: name }),
  ...(cpus === undefined ? {} : { vcpus: cpus }),
  ...(memory === undefined ? {} : { memory_mb: memory }),
  ...(label === undefined ? {} : { metadata: { ...label } }),
  ...(env === undefined ? {} : { env: { ...env } }),
  ...(timeout === undefined ? {} : { timeout_seconds: timeout }),
  ...(onTimeout === undefined ? {} : { on_timeout: onTimeout }),
});

async function create(client: VmClient, flags: CreateFlags, signal: AbortSignal): Promise<void> {
  const started = performance.now();
  const { snapshot } = flags;
  const origin = snapshot === undefined ? {} : { snapshot_id: await findSnapshotId(client, snapshot, signal) };
  const { id } = await client.createVm({ ...toWish(flags), ...origin }, signal);
  if (flags.wait === true) {
    const { vm_type } = await untilRunning(client, id, signal);
    process.stderr.write(`${formatLine(id, 'running', formatDuration(performance.now() - started), vm_type)}\n`);
  }
  process.stdout.write(flags.json === true ? `${JSON.stringify(await client.vm(id, signal))}\n` : `${id}\n`);
}
