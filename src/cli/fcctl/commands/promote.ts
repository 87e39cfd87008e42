import { Command } from 'commander';
import { withExamples } from '../../examples.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { withVmService } from '../vm-service.ts';

/** `fcctl vm promote`: a fork takes the place of the VM that it was made of, whose id is printed. */
export const promoteCommand = (): Command =>
  withExamples(
    withInstanceFlags(
      new Command('promote')
        .description(
          'Let a fork take the place of the VM that it was made of, and print the id of that one. The other forks are deleted.',
        )
        .addArgument(vmArgument()),
    ).action((word: string, flags: InstanceFlags) =>
      withVmService(flags, async (client, signal) => {
        const { id } = await client.promoteVm(await findVmId(client, word, signal), signal);
        process.stdout.write(`${id}\n`);
      }),
    ),
    ['fcctl vm promote try-3', 'the VM named try goes on as its fork try-3 is now'],
    ['fcctl vm exec "$(fcctl vm promote vm-1a2b3c4d)" -- hostname', 'uses the VM at once'],
  );
