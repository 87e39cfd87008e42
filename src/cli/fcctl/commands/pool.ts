import { Command } from 'commander';
import type { PoolStatistics } from '../../../contracts/vms.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatFacts } from '../../output/table.ts';
import { withVmService } from '../vm-service.ts';

/** `fcctl pool`: the clones that wait for work. */
export function poolCommand(): Command {
  const command = new Command('pool').description('Look at the clones that wait for work.').addCommand(showCommand());
  return withExamples(
    command,
    ['fcctl pool show', 'how many are ready, and what is wrong'],
    ['fcctl pool show --json', 'the same for programs'],
  );
}

function showCommand(): Command {
  const command = withInstanceFlags(
    new Command('show').description('Show how many clones are ready, in use and being made.'),
  )
    .addOption(jsonFlag())
    .action((flags: InstanceFlags & { readonly json?: true }) =>
      withVmService(flags, async (client, signal) => {
        const pool = await client.pool(signal);
        process.stdout.write(flags.json === true ? `${JSON.stringify(pool)}\n` : formatFacts(toFacts(pool)));
      }),
    );
  return withExamples(
    command,
    ['fcctl pool show', 'how many are ready, and what is wrong'],
    ["fcctl pool show --json | jq -r '.ready'", 'the clones that can be had at once'],
  );
}

function toFacts(pool: PoolStatistics): readonly (readonly [string, string])[] {
  const claims = pool.hits + pool.misses;
  return [
    ['ready', `${pool.ready} of ${pool.target}`],
    ['in use', `${pool.busy} of at most ${pool.max_vms}`],
    ['being made', String(pool.starting)],
    ['processes', `${pool.waiting_processes} wait for a guest`],
    ['claims', `${claims}, of which ${pool.hits} found a clone ready; ${pool.claims_waiting} wait now`],
    ...(pool.problem === undefined ? [] : [['problem', pool.problem] as const]),
  ];
}
