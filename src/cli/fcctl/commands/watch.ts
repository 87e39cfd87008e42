import { Command, Option } from 'commander';
import type { FileChange } from '../../../contracts/file-changes.ts';
import { withExamples } from '../../examples.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { placeArgument, toAddress } from '../guest-address.ts';
import { withVmService } from '../vm-service.ts';
import { writeTo } from '../write-to.ts';

interface WatchFlags extends InstanceFlags {
  readonly recursive?: true;
  readonly json?: true;
}

/** `fcctl vm files watch`: prints what changes at a path of a VM. */
export function watchCommand(): Command {
  const command = withInstanceFlags(
    new Command('watch')
      .description('Print what changes at a path of a VM, until it is gone or Ctrl-C ends it.')
      .addArgument(placeArgument())
      .addOption(new Option('-r, --recursive', 'also in the folders below (default: in this one)'))
      .addOption(new Option('--json', 'print each change as one line of JSON instead of text (default: text)')),
  ).action((word: string, { recursive, json, ...flags }: WatchFlags) =>
    withVmService(flags, async (client, signal) => {
      const file = await toAddress(client, word, signal);
      for await (const change of client.watchFiles({ ...file, recursive: recursive === true }, signal))
        await writeTo(process.stdout, json === true ? `${JSON.stringify(change)}\n` : toLine(change));
    }),
  );
  return withExamples(
    command,
    ['fcctl vm files watch try:', 'the home folder of the VM named try'],
    ["fcctl vm files watch -r try:src --json | jq -r '.path // empty'", 'the paths that change in a tree'],
  );
}

/** What a name of the guest's holds cannot steer a terminal. */
const shown = (path: string): string => (/^[\p{L}\p{N}\p{P}\p{S} ]*$/u.test(path) ? path : JSON.stringify(path));

function toLine(change: FileChange): string {
  switch (change.type) {
    case 'watching':
      return '';
    case 'overflow':
      return 'overflow  more happened than could be kept\n';
    case 'moved':
      return `moved     ${shown(change.from)} -> ${shown(change.path)}${change.is_folder ? '/' : ''}\n`;
    case 'created':
    case 'modified':
    case 'removed':
      return `${change.type.padEnd(8)}  ${shown(change.path)}${change.is_folder ? '/' : ''}\n`;
    default:
      return change satisfies never;
  }
}
