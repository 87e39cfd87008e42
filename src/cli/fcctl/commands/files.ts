import { Argument, Command, Option } from 'commander';
import { BigboxError } from '../../../contracts/errors.ts';
import type { FileEntry } from '../../../contracts/vms.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatTable } from '../../output/table.ts';
import type { FileAddress, VmClient } from '../../../sdk/index.ts';
import { findVmId } from '../find-vm.ts';
import { toPlace } from '../place.ts';
import { withVmService } from '../vm-service.ts';

/** `fcctl vm files`: what lies in a VM. */
export function filesCommand(): Command {
  const command = new Command('files')
    .description('Look at the files of a VM, remove them, and make folders.')
    .addCommand(listCommand())
    .addCommand(statCommand())
    .addCommand(removeCommand())
    .addCommand(makeFolderCommand());
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

async function toAddress(client: VmClient, word: string, signal: AbortSignal): Promise<FileAddress> {
  const place = toPlace(word);
  if (place.kind === 'vm') return { vmId: await findVmId(client, place.vm, signal), path: place.path };
  throw new BigboxError('WRONG_USAGE', {
    message: `${word} names no VM, expected VM:PATH.`,
    remedy: 'Put the name or the id of the VM and a colon before the path.',
  });
}

const placeArgument = (): Argument => new Argument('<path>', 'VM:PATH; a relative path begins at /home/sandbox');

function statCommand(): Command {
  const command = withInstanceFlags(
    new Command('stat').description('Describe what is at a path of a VM.').addArgument(placeArgument()),
  )
    .addOption(jsonFlag())
    .action((word: string, flags: InstanceFlags & { readonly json?: true }) =>
      withVmService(flags, async (client, signal) => {
        const entry = await client.statFile({ ...(await toAddress(client, word, signal)), follow: false }, signal);
        if (flags.json === true) return void process.stdout.write(`${JSON.stringify(entry)}\n`);
        process.stdout.write(formatTable(['MODE', 'BYTES', 'CHANGED', 'NAME'], [toRow(entry)]));
      }),
    );
  return withExamples(command, ['fcctl vm files stat try:/etc/hostname', 'one file; a link is shown as a link']);
}

function removeCommand(): Command {
  const command = withInstanceFlags(
    new Command('rm')
      .description('Remove a file, a link or an empty folder of a VM.')
      .addArgument(placeArgument())
      .addOption(new Option('-r, --recursive', 'also a folder with all that is in it (default: refuse)')),
  ).action((word: string, flags: InstanceFlags & { readonly recursive?: true }) =>
    withVmService(flags, async (client, signal) => {
      const file = await toAddress(client, word, signal);
      await client.removeFile({ ...file, recursive: flags.recursive === true }, signal);
    }),
  );
  return withExamples(
    command,
    ['fcctl vm files rm try:old.csv', 'a file in the home folder'],
    ['fcctl vm files rm -r try:build', 'a folder with all that is in it'],
  );
}

function makeFolderCommand(): Command {
  const command = withInstanceFlags(
    new Command('mkdir').description('Make a folder in a VM, and those above it.').addArgument(placeArgument()),
  ).action((word: string, flags: InstanceFlags) =>
    withVmService(flags, async (client, signal) => client.makeFolder(await toAddress(client, word, signal), signal)),
  );
  return withExamples(command, ['fcctl vm files mkdir try:data/raw', 'both folders where they are missing']);
}

const kinds: Readonly<Record<FileEntry['kind'], string>> = { file: '-', directory: 'd', symlink: 'l', other: '?' };

function toRow({ name, kind, size, mode, modified_at, link_target }: FileEntry): readonly string[] {
  const rights = [6, 3, 0].map((shift) => toRights((mode >> shift) & 7)).join('');
  const target = link_target === undefined ? '' : ` -> ${link_target}`;
  return [`${kinds[kind]}${rights}`, String(size), modified_at.slice(0, 19).replace('T', ' '), `${name}${target}`];
}

const toRights = (bits: number): string => `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
