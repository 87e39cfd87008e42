import type { Argument } from 'commander';
import { Command } from 'commander';
import type { VmClient } from '../../sdk/index.ts';
import { type InstanceFlags, withInstanceFlags } from '../instance.ts';
import { findVmId, vmArgument } from './find-vm.ts';
import { withVmService } from './vm-service.ts';

interface Each {
  readonly name: string;
  readonly description: string;
  readonly act: (client: VmClient, id: string, signal: AbortSignal) => Promise<unknown>;
}

interface EachThing extends Each {
  readonly argument: Argument;
  readonly find: (client: VmClient, word: string, signal: AbortSignal) => Promise<string>;
}

/**
 * A command that does one thing to each of the things that its words name, and prints the id of each that it was done to.
 * Where it fails for some it goes on with the others.
 */
export function eachCommand({ name, description, act, argument, find }: EachThing): Command {
  argument.variadic = true;
  const command = new Command(name).description(description).addArgument(argument);
  return withInstanceFlags(command).action((words: readonly string[], flags: InstanceFlags) =>
    withVmService(flags, async (client, signal) => {
      const ended = await Promise.allSettled(
        [...new Set(words)].map(async (word) => {
          const id = await find(client, word, signal);
          await act(client, id, signal);
          process.stdout.write(`${id}\n`);
        }),
      );
      const errors = ended.flatMap((end) => (end.status === 'rejected' ? [end.reason as unknown] : []));
      if (errors.length > 0) throw new AggregateError(errors);
    }),
  );
}

/** The same for VMs. */
export const eachVmCommand = (each: Each): Command => eachCommand({ ...each, argument: vmArgument(), find: findVmId });
