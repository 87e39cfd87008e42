import { readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join, posix, resolve } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Argument, Command, Option } from 'commander';
import { BigboxError } from '../../../contracts/errors.ts';
import type { FileAddress, VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { parseBytes } from '../../parse-values.ts';
import { findVmId } from '../find-vm.ts';
import { copyFolderIn, copyFolderOut } from '../folders/copy-folder.ts';
import type { LeftOutList } from '../folders/left-out.ts';
import { type Place, toPlace } from '../place.ts';
import { explainLocal } from '../local-path.ts';
import { withVmService } from '../vm-service.ts';
import { writeTo } from '../write-to.ts';

type Here = Extract<Place, { readonly kind: 'here' }>;
type InVm = Extract<Place, { readonly kind: 'vm' }>;

/** What a request to write a file may carry. */
const maxWriteBytes = 12_000_000;

interface CopyFlags extends InstanceFlags {
  readonly recursive?: true;
  readonly maxSize?: number;
}

const defaultMaxBytes = 2 ** 32;

/** `fcctl cp`: a file or a folder into a VM or out of one. */
export function copyCommand(): Command {
  const command = withInstanceFlags(
    new Command('cp')
      .description('Copy a file or a folder into a VM or out of one; VM:PATH is a path in a VM, - is stdin or stdout.')
      .addArgument(new Argument('<from>', 'PATH or VM:PATH'))
      .addArgument(new Argument('<to>', 'VM:PATH or PATH; in a folder it keeps its name'))
      .addOption(new Option('-r, --recursive', 'also folders, with all that is in them (default: refuse)'))
      .addOption(
        new Option(
          '--max-size <bytes>',
          'the most that a folder out of a VM may hold, like 500m (default: 4g)',
        ).argParser(parseBytes),
      ),
  ).action((from: string, to: string, flags: CopyFlags) => copy(toPlace(from), toPlace(to), flags));
  return withExamples(
    command,
    ['fcctl cp data.csv try:', 'into the home of the VM named try'],
    ['fcctl cp -r try:site .', 'a folder out of it, into this one'],
  );
}

function copy(from: Place, to: Place, flags: CopyFlags): Promise<void> {
  const { recursive, maxSize: maxBytes = defaultMaxBytes } = flags;
  if (from.kind === 'here' && to.kind === 'vm')
    return withVmService(flags, async (client, signal) => {
      const isFolder = recursive === true && (await explainLocal(from.path, () => stat(from.path))).isDirectory();
      await (isFolder ? copyTreeIn : copyIn)(client, { from, to }, signal);
    });
  if (from.kind === 'vm' && to.kind === 'here')
    return withVmService(flags, async (client, signal) => {
      const vmId = await findVmId(client, from.vm, signal);
      const isFolder =
        recursive === true && (await client.statFile({ vmId, path: from.path }, signal)).kind === 'directory';
      if (!isFolder) return copyOut(client, { from: { vmId, path: from.path }, to }, signal);
      return copyTreeOut(client, { from: { vmId, path: from.path }, to, maxBytes }, signal);
    });
  throw new BigboxError('WRONG_USAGE', {
    message: `Both ends are ${from.kind === 'vm' ? 'in VMs' : 'on this machine'}, expected one as VM:PATH and one as PATH.`,
    remedy: 'Use cp for files of this machine, and two copies from VM to VM.',
  });
}

interface WayIn {
  readonly from: Here;
  readonly to: InVm;
}

interface WayOut {
  readonly from: FileAddress;
  readonly to: Here;
}

async function copyTreeIn(client: VmClient, { from, to }: WayIn, signal: AbortSignal): Promise<void> {
  const path = resolve(from.path);
  const target = await toTarget(client, { to, name: basename(path) }, signal);
  report(await copyFolderIn(client, { from: path, to: target }, signal));
}

async function copyTreeOut(
  client: VmClient,
  { from, to, maxBytes }: WayOut & { readonly maxBytes: number },
  signal: AbortSignal,
): Promise<void> {
  if (to.path === '-')
    throw new BigboxError('WRONG_USAGE', { message: `${from.path} is a folder, and stdout takes a file only.` });
  const path = await toLocalTarget(to.path, from.path);
  report(await copyFolderOut(client, { from, to: path, maxBytes }, signal));
}

/** A copy without something that was asked for does not look like a whole one. */
function report(leftOut: LeftOutList): void {
  if (leftOut.count === 0) return;
  process.stderr.write(leftOut.toString());
  throw new BigboxError('ARCHIVE_REFUSED', {
    message: `All was copied but ${leftOut.count} named above.`,
    context: { left_out: leftOut.count },
  });
}

async function copyIn(client: VmClient, { from, to }: WayIn, signal: AbortSignal): Promise<void> {
  const data =
    from.path === '-' ? await buffer(process.stdin) : await explainLocal(from.path, () => readFile(from.path));
  if (data.length > maxWriteBytes)
    throw new BigboxError('LIMIT_EXCEEDED', {
      message: `${from.path} has ${data.length} bytes, at most ${maxWriteBytes} are copied into a VM at once.`,
      context: { bytes: data.length, limit: maxWriteBytes },
      remedy: 'Split or compress it.',
    });
  const name = from.path === '-' ? undefined : basename(from.path);
  await client.writeFile({ ...(await toTarget(client, { to, name }, signal)), data }, signal);
}

async function copyOut(client: VmClient, { from, to }: WayOut, signal: AbortSignal): Promise<void> {
  const data = await client.readFile(from, signal);
  if (to.path === '-') return writeTo(process.stdout, data);
  const path = await toLocalTarget(to.path, from.path);
  await explainLocal(path, () => writeFile(path, data));
}

/** In a folder it keeps its name, like with cp. */
async function toLocalTarget(path: string, from: string): Promise<string> {
  const there = await stat(path).catch(() => undefined);
  return there?.isDirectory() === true ? join(path, posix.basename(from)) : path;
}

interface NamedTarget {
  readonly to: InVm;
  /** What comes from stdin has none. */
  readonly name: string | undefined;
}

async function toTarget(client: VmClient, { to, name }: NamedTarget, signal: AbortSignal): Promise<FileAddress> {
  const vmId = await findVmId(client, to.vm, signal);
  const isFolder = to.isFolder || (await isFolderInVm(client, { vmId, path: to.path }, signal));
  if (!isFolder) return { vmId, path: to.path };
  if (name !== undefined) return { vmId, path: posix.join(to.path, name) };
  throw new BigboxError('WRONG_USAGE', { message: `${to.path} is a folder, and what comes from stdin has no name.` });
}

/** What is not there yet, or may not be looked at, is no folder: writing to it tells. */
async function isFolderInVm(
  client: VmClient,
  folder: { readonly vmId: string; readonly path: string },
  signal: AbortSignal,
): Promise<boolean> {
  try {
    return (await client.statFile(folder, signal)).kind === 'directory';
  } catch (error) {
    if (error instanceof BigboxError && error.code === 'GUEST_FILE_ERROR') return false;
    throw error;
  }
}
