import { Command, Option } from 'commander';
import { VmStatus } from '../../../contracts/vms.ts';
import type { VmFilter } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatAge } from '../../output/format.ts';
import { formatTable } from '../../output/table.ts';
import { addLabel } from '../parse-words.ts';
import { withVmService } from '../vm-service.ts';

interface ListFlags extends InstanceFlags {
  readonly state?: VmStatus;
  readonly label?: Readonly<Record<string, string>>;
  readonly json?: true;
}

const toFilter = ({ state, label }: ListFlags): VmFilter => ({
  ...(state === undefined ? {} : { state }),
  ...(label === undefined ? {} : { metadata: label }),
});

/** `fcctl vm list`: the VMs that there are. */
export function listCommand(): Command {
  const command = withInstanceFlags(new Command('list').description('List the VMs, the oldest first.'))
    .addOption(new Option('--state <state>', 'only those in this state (default: all)').choices(VmStatus.options))
    .addOption(
      new Option('--label <key=value>', 'only those with this label; may be repeated (default: all)').argParser(
        addLabel,
      ),
    )
    .addOption(jsonFlag())
    .action((flags: ListFlags) =>
      withVmService(flags, async (client, signal) => {
        const vms = await client.listVms(toFilter(flags), signal);
        if (flags.json === true) return void process.stdout.write(`${JSON.stringify(vms)}\n`);
        const now = Date.now();
        const rows = vms.map(({ id, name, status, vm_type, vcpus, memory_mb, created_at }) => {
          const size = `${vcpus} cpu, ${memory_mb} MB`;
          return [id, name, status, vm_type, size, formatAge(now - Date.parse(created_at))];
        });
        if (rows.length === 0) return void process.stderr.write(toNothing(flags));
        process.stdout.write(formatTable(['ID', 'NAME', 'STATUS', 'TYPE', 'SIZE', 'AGE'], rows));
      }),
    );
  return withExamples(
    command,
    ['fcctl vm list', 'id, name, status, type, size, age'],
    ['fcctl vm list --json', 'all of it as a JSON array'],
  );
}

const toNothing = ({ state, label }: ListFlags): string =>
  state === undefined && label === undefined
    ? 'There are no VMs. fcctl vm create makes one.\n'
    : 'There are no such VMs. fcctl vm list shows all.\n';
