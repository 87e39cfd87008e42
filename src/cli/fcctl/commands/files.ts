import { Argument, Command } from 'commander';
import type { FileEntry } from '../../../contracts/vms.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatTable } from '../../output/table.ts';
import { findVmId } from '../find-vm.ts';
import { toPlace } from '../place.ts';
import { withVmService } from '../vm-service.ts';

/** `fcctl vm files`: what lies in a VM. */
export function filesCommand(): Command {
  const command = new Command('files').description('Look at the files of a VM.').addCommand(listCommand());
  return withExamples(
    command,
    ['fcctl vm files ls try', 'the home folder of the VM named try'],
    ['fcctl vm files ls try:/etc --json', 'another folder, as a JSON array'],
  );
}

function listCommand(): Command {
  const command = withInstanceFlags(
    new Command('ls')
      .description('List a folder of a VM.')
      .addArgument(new Argument('<folder>', 'VM or VM:PATH; a relative path begins at /home/sandbox')),
  )
    .addOption(jsonFlag())
    .action((word: string, flags: InstanceFlags & { readonly json?: true }) =>
      withVmService(flags, async (client, signal) => {
        const place = toPlace(word.includes(':') ? word : `${word}:`);
        const vmId = await findVmId(client, place.kind === 'vm' ? place.vm : word, signal);
        const entries = await client.listFiles({ vmId, path: place.path }, signal);
        if (flags.json === true) return void process.stdout.write(`${JSON.stringify(entries)}\n`);
        process.stdout.write(formatTable(['MODE', 'BYTES', 'CHANGED', 'NAME'], entries.map(toRow)));
      }),
    );
  return withExamples(
    command,
    ['fcctl vm files ls try', 'the home folder of the VM named try'],
    ['fcctl vm files ls try:/etc --json', 'another folder, as a JSON array'],
  );
}

const kinds: Readonly<Record<FileEntry['kind'], string>> = { file: '-', directory: 'd', symlink: 'l', other: '?' };

function toRow({ name, kind, size, mode, modified_at, link_target }: FileEntry): readonly string[] {
  const rights = [6, 3, 0].map((shift) => toRights((mode >> shift) & 7)).join('');
  const target = link_target === undefined ? '' : ` -> ${link_target}`;
  return [`${kinds[kind]}${rights}`, String(size), modified_at.slice(0, 19).replace('T', ' '), `${name}${target}`];
}

const toRights = (bits: number): string => `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
