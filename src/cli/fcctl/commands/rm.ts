import { Command } from 'commander';
import type { VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { withVmService } from '../vm-service.ts';

/** `fcctl vm rm`: removes VMs with everything in them. */
export function removeCommand(): Command {
  const argument = vmArgument();
  argument.variadic = true;
  const command = withInstanceFlags(
    new Command('rm')
      .description('Remove VMs with everything in them, in whatever state they are.')
      .addArgument(argument),
  ).action((words: readonly string[], flags: InstanceFlags) =>
    withVmService(flags, (client, signal) => remove(client, words, signal)),
  );
  return withExamples(
    command,
    ['fcctl vm rm try', 'removes one by its name'],
    ["fcctl vm rm $(fcctl vm list --json | jq -r '.[].id')", 'removes all'],
  );
}

/** Removes what can be removed and prints each id that is gone. Throws an AggregateError where one was not removed. */
async function remove(client: VmClient, words: readonly string[], signal: AbortSignal): Promise<void> {
  const ended = await Promise.allSettled(
    [...new Set(words)].map(async (word) => {
      const id = await findVmId(client, word, signal);
      await client.deleteVm(id, signal);
      process.stdout.write(`${id}\n`);
    }),
  );
  const errors = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
  if (errors.length > 0) throw new AggregateError(errors);
}
