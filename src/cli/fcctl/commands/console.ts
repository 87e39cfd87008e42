import { Command } from 'commander';
import { withExamples } from '../../examples.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { findVmId, vmArgument } from '../find-vm.ts';
import { withVmService } from '../vm-service.ts';
import { writeTo } from '../write-to.ts';

/** `fcctl vm console`: what kernel and agent of a VM wrote last. */
export function consoleCommand(): Command {
  const command = withInstanceFlags(
    new Command('console')
      .description('Show the last that kernel and agent of a VM wrote on its console, also when it has failed.')
      .addArgument(vmArgument()),
  ).action((word: string, flags: InstanceFlags) =>
    withVmService(flags, async (client, signal) => {
      const text = await client.console(await findVmId(client, word, signal), signal);
      if (text === '') process.stderr.write('Nothing was written on it.\n');
      else await writeTo(process.stdout, text.endsWith('\n') ? text : `${text}\n`);
    }),
  );
  return withExamples(
    command,
    ['fcctl vm console try', 'by the name of the VM'],
    ['fcctl vm console vm-1a2b3c4d | tail', 'the end of it'],
  );
}
