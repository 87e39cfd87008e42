import { Command } from 'commander';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatAge } from '../../output/format.ts';
import { formatTable } from '../../output/table.ts';
import { withVmService } from '../vm-service.ts';

/** `fcctl vm list`: the VMs that there are. */
export function listCommand(): Command {
  const command = withInstanceFlags(new Command('list').description('List the VMs, the oldest first.'))
    .addOption(jsonFlag())
    .action((flags: InstanceFlags & { readonly json?: true }) =>
      withVmService(flags, async (client, signal) => {
        const { vms } = await client.listVms(signal);
        if (flags.json === true) return void process.stdout.write(`${JSON.stringify(vms)}\n`);
        const now = Date.now();
        const rows = vms.map(({ id, name, status, vm_type, vcpus, memory_mb, created_at }) => {
          const size = `${vcpus} x ${memory_mb} MB`;
          return [id, name, status, vm_type, size, formatAge(now - Date.parse(created_at))];
        });
        if (rows.length === 0) return void process.stderr.write('There are no VMs. fcctl vm create makes one.\n');
        process.stdout.write(formatTable(['ID', 'NAME', 'STATUS', 'TYPE', 'SIZE', 'AGE'], rows));
      }),
    );
  return withExamples(
    command,
    ['fcctl vm list', 'id, name, status, type, size, age'],
    ['fcctl vm list --json', 'all of it as a JSON array'],
  );
}
