import { Command, Option } from 'commander';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatAge, formatBytes } from '../../output/format.ts';
import { formatTable } from '../../output/table.ts';
import { collectSnapshotsCommand } from './collect-snapshots.ts';
import { eachCommand } from '../each.ts';
import { findSnapshotId, snapshotArgument } from '../find-snapshot.ts';
import { findVmId } from '../find-vm.ts';
import { exportSnapshotCommand, importSnapshotCommand } from './snapshot-archive.ts';
import { withVmService } from '../vm-service.ts';

/** `fcctl snapshot`: the snapshots that are kept. */
export function snapshotCommand(): Command {
  const command = new Command('snapshot')
    .description('List, remove, collect, export and import the snapshots that are kept; fcctl vm snapshot makes them.')
    .addCommand(listCommand())
    .addCommand(removeCommand())
    .addCommand(collectSnapshotsCommand())
    .addCommand(exportSnapshotCommand())
    .addCommand(importSnapshotCommand());
  return withExamples(
    command,
    ['fcctl snapshot list', 'id, name, VM, type, size, age'],
    ['fcctl snapshot gc --dry-run', 'tells which are expired'],
  );
}

interface ListFlags extends InstanceFlags {
  readonly vm?: string;
  readonly json?: true;
}

function listCommand(): Command {
  const command = withInstanceFlags(
    new Command('list')
      .description('List the snapshots, also of VMs that are gone.')
      .addOption(new Option('--vm <vm>', 'only those of this VM, by id or name (default: all)')),
  )
    .addOption(jsonFlag())
    .action((flags: ListFlags) =>
      withVmService(flags, async (client, signal) => {
        const { vm } = flags;
        const filter = vm === undefined ? {} : { vmId: await findVmId(client, vm, signal) };
        const snapshots = await client.listSnapshots(filter, signal);
        if (flags.json === true) return void process.stdout.write(`${JSON.stringify(snapshots)}\n`);
        if (snapshots.length === 0) return void process.stderr.write('There are none. fcctl vm snapshot makes one.\n');
        const now = Date.now();
        const rows = snapshots.map(({ id, name, vm_id, vm_type, bytes, created_at }) => {
          return [id, name, vm_id, vm_type, formatBytes(bytes), formatAge(now - Date.parse(created_at))];
        });
        process.stdout.write(formatTable(['ID', 'NAME', 'VM', 'TYPE', 'SIZE', 'AGE'], rows));
      }),
    );
  return withExamples(
    command,
    ['fcctl snapshot list', 'id, name, VM, type, size, age'],
    ['fcctl snapshot list --vm try --json', 'those of one VM as a JSON array'],
  );
}

const removeCommand = (): Command =>
  withExamples(
    eachCommand({
      name: 'rm',
      description: 'Remove snapshots; VMs that were made from them go on.',
      argument: snapshotArgument(),
      find: findSnapshotId,
      act: (client, id, signal) => client.deleteSnapshot(id, signal),
    }),
    ['fcctl snapshot rm before', 'removes one by its name'],
    ["fcctl snapshot rm $(fcctl snapshot list --json | jq -r '.[].id')", 'removes all'],
  );
