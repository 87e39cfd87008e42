import { posix } from 'node:path';
import { Argument, Command, InvalidArgumentError, Option } from 'commander';
import type { FileEntry } from '../../../contracts/vms.ts';
import { withExamples } from '../../examples.ts';
import { jsonFlag } from '../../flags/json.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { formatTable } from '../../output/table.ts';
import { findVmId } from '../find-vm.ts';
import { placeArgument, toAddress } from '../guest-address.ts';
import { guestHome, toPlace } from '../place.ts';
import { withVmService } from '../vm-service.ts';
import { fileLinkCommand } from './file-link.ts';
import { watchCommand } from './watch.ts';

/** `fcctl vm files`: what lies in a VM. */
export function filesCommand(): Command {
  const command = new Command('files')
    .description('Look at the files of a VM and change them.')
    .addCommand(listCommand())
    .addCommand(statCommand())
    .addCommand(removeCommand())
    .addCommand(makeFolderCommand())
    .addCommand(moveCommand())
    .addCommand(changeModeCommand())
    .addCommand(fileLinkCommand())
    .addCommand(watchCommand());
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
  return withExamples(
    command,
    ['fcctl vm files stat try:/etc/hostname', 'one file; a link is shown as a link'],
    ['fcctl vm files stat try:data --json', 'a folder, as JSON'],
  );
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
  return withExamples(
    command,
    ['fcctl vm files mkdir try:data', 'a folder in the home folder'],
    ['fcctl vm files mkdir try:data/raw', 'both folders where they are missing'],
  );
}

interface MoveFlags extends InstanceFlags {
  readonly force?: true;
}

function moveCommand(): Command {
  const command = withInstanceFlags(
    new Command('mv')
      .description('Move or rename a file or folder of a VM, within one file system.')
      .addArgument(placeArgument())
      .addArgument(new Argument('<to>', 'path in the same VM; a relative one begins at /home/sandbox'))
      .addOption(new Option('-f, --force', 'replace what is at the target (default: refuse)')),
  ).action((word: string, to: string, flags: MoveFlags) =>
    withVmService(flags, async (client, signal) => {
      const file = await toAddress(client, word, signal);
      const target = posix.resolve(guestHome, to);
      await client.moveFile({ ...file, to: target, overwrite: flags.force === true }, signal);
    }),
  );
  return withExamples(
    command,
    ['fcctl vm files mv try:draft.txt final.txt', 'renames a file in the home folder'],
    ['fcctl vm files mv --force try:new.csv old.csv', 'replaces what is there'],
  );
}

function changeModeCommand(): Command {
  const command = withInstanceFlags(
    new Command('chmod')
      .description('Set the permission bits of a file or folder of a VM.')
      .addArgument(new Argument('<mode>', 'octal, like 755').argParser(parseMode))
      .addArgument(placeArgument()),
  ).action((mode: number, word: string, flags: InstanceFlags) =>
    withVmService(flags, async (client, signal) =>
      client.changeFileMode({ ...(await toAddress(client, word, signal)), mode }, signal),
    ),
  );
  return withExamples(
    command,
    ['fcctl vm files chmod 755 try:run.sh', 'makes a script one that can be run'],
    ['fcctl vm files chmod 600 try:secret.txt', 'keeps a file from other users of the VM'],
  );
}

function parseMode(word: string): number {
  if (/^[0-7]{3,4}$/.test(word)) return Number.parseInt(word, 8);
  throw new InvalidArgumentError('Expected three or four octal digits, like 755.');
}

const kinds: Readonly<Record<FileEntry['kind'], string>> = { file: '-', directory: 'd', symlink: 'l', other: '?' };

function toRow({ name, kind, size, mode, modified_at, link_target }: FileEntry): readonly string[] {
  const rights = [6, 3, 0].map((shift) => toRights((mode >> shift) & 7)).join('');
  const target = link_target === undefined ? '' : ` -> ${link_target}`;
  return [`${kinds[kind]}${rights}`, String(size), modified_at.slice(0, 19).replace('T', ' '), `${name}${target}`];
}

const toRights = (bits: number): string => `${bits & 4 ? 'r' : '-'}${bits & 2 ? 'w' : '-'}${bits & 1 ? 'x' : '-'}`;
