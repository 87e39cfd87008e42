import { Command, Option } from 'commander';
import { withExamples } from '../examples.ts';
import { type InstanceFlags, clientOf, configurationOf, requireRunning, withInstanceFlags } from '../instance.ts';

interface KeyFlags extends InstanceFlags {
  readonly name: string;
}

/** `bigbox key`: API keys. */
export function keyCommand(): Command {
  const command = new Command('key')
    .description('Make keys for programs that call the API.')
    .addCommand(createCommand());
  return withExamples(
    command,
    ['bigbox key create', 'prints a new key'],
    ['bigbox key create --name notebook', 'prints one with a name'],
  );
}

function createCommand(): Command {
  const command = withInstanceFlags(
    new Command('create')
      .description('Print a new API key; it is shown this once.')
      .addOption(new Option('--name <name>', 'what the key is for').default('command line')),
  ).action(async (flags: KeyFlags) => {
    const configuration = configurationOf(flags);
    const { url } = await requireRunning(configuration);
    process.stdout.write(`${await (await clientOf(configuration, url)).createKey(flags.name)}\n`);
  });
  return withExamples(
    command,
    ['bigbox key create', 'prints a new key'],
    ['curl -H "Authorization: Bearer $(bigbox key create)" http://127.0.0.1:3000/workflows', 'lists the runs'],
  );
}
