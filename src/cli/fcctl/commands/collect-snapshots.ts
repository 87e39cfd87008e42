import { Command, Option } from 'commander';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatBytes, formatLine } from '../../output/format.ts';
import { formatTable } from '../../output/table.ts';
import { parseSecondsUpTo } from '../parse-words.ts';
import { withVmService } from '../vm-service.ts';

interface CollectFlags extends InstanceFlags {
  readonly dryRun?: boolean;
  readonly olderThan?: number;
  readonly json?: true;
}

const tenYears = 315_360_000;

/** `fcctl snapshot gc`: removes snapshots whose time is over, and older ones where that is asked. */
export function collectSnapshotsCommand(): Command {
  const command = withInstanceFlags(
    new Command('gc')
      .description('Remove the snapshots whose time is over, and print their ids.')
      .addOption(new Option('--dry-run', 'only tell what would be removed'))
      .addOption(
        new Option('--older-than <seconds>', 'also those that were made before so long (default: none)').argParser(
          parseSecondsUpTo(tenYears),
        ),
      ),
  )
    .addOption(jsonFlag())
    .action(({ dryRun = false, olderThan, json, ...flags }: CollectFlags) =>
      withVmService(flags, async (client, signal) => {
        const age = olderThan === undefined ? {} : { older_than_seconds: olderThan };
        const found = await client.collectSnapshots({ dry_run: dryRun, ...age }, signal);
        if (json === true) return void process.stdout.write(`${JSON.stringify(found)}\n`);
        const rows = found.removed.map(({ id, name, reason }) => [id, name ?? '', reason]);
        if (rows.length > 0) process.stdout.write(formatTable(['ID', 'NAME', 'REASON'], rows));
        const what = dryRun ? 'would go' : 'removed';
        process.stderr.write(`${formatLine(`${rows.length}`, what, '', formatBytes(found.freed_bytes))}\n`);
      }),
    );
  return withExamples(
    command,
    ['fcctl snapshot gc --dry-run', 'tells what would be removed and how much space that frees'],
    ['fcctl snapshot gc --older-than 604800', 'removes those of more than a week, too'],
  );
}
