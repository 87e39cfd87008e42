import { readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join, posix } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { Argument, Command } from 'commander';
import { BigboxError } from '../../../contracts/errors.ts';
import type { VmClient } from '../../../sdk/index.ts';
import { withExamples } from '../../examples.ts';
import { type InstanceFlags, withInstanceFlags } from '../../instance.ts';
import { findVmId } from '../find-vm.ts';
import { type Place, toPlace } from '../place.ts';
import { withVmService } from '../vm-service.ts';
import { writeTo } from '../write-to.ts';

type Here = Extract<Place, { readonly kind: 'here' }>;
type InVm = Extract<Place, { readonly kind: 'vm' }>;

/** What a request to write a file may carry. */
const maxWriteBytes = 12_000_000;

/** `fcctl cp`: a file into a VM or out of one. */
export function copyCommand(): Command {
  const command = withInstanceFlags(
    new Command('cp')
      .description('Copy a file into a VM or out of one; VM:PATH is a path in a VM, - is stdin or stdout.')
      .addArgument(new Argument('<from>', 'PATH or VM:PATH'))
      .addArgument(new Argument('<to>', 'VM:PATH or PATH; in a folder the file keeps its name')),
  ).action((from: string, to: string, flags: InstanceFlags) => copy(toPlace(from), toPlace(to), flags));
  return withExamples(
    command,
    ['fcctl cp data.csv try:', 'into the home of the VM named try'],
    ['fcctl cp try:/var/log/dpkg.log .', 'out of it, into this folder'],
  );
}

function copy(from: Place, to: Place, flags: InstanceFlags): Promise<void> {
  if (from.kind === 'here' && to.kind === 'vm')
    return withVmService(flags, (client, signal) => copyIn(client, { from, to }, signal));
  if (from.kind === 'vm' && to.kind === 'here')
    return withVmService(flags, (client, signal) => copyOut(client, { from, to }, signal));
  throw new BigboxError('WRONG_USAGE', {
    message: `Both ends are ${from.kind === 'vm' ? 'in VMs' : 'on this machine'}, expected one as VM:PATH and one as PATH.`,
    remedy: 'Use cp for files of this machine, and two copies from VM to VM.',
  });
}

async function copyIn(
  client: VmClient,
  { from, to }: { readonly from: Here; readonly to: InVm },
  signal: AbortSignal,
): Promise<void> {
  const data = from.path === '-' ? await buffer(process.stdin) : await readHere(from.path);
  if (data.length > maxWriteBytes)
    throw new BigboxError('LIMIT_EXCEEDED', {
      message: `${from.path} has ${data.length} bytes, at most ${maxWriteBytes} are copied into a VM at once.`,
      context: { bytes: data.length, limit: maxWriteBytes },
      remedy: 'Split or compress it.',
    });
  const vmId = await findVmId(client, to.vm, signal);
  const isFolder = to.isFolder || (await isFolderInVm(client, { vmId, path: to.path }, signal));
  if (isFolder && from.path === '-')
    throw new BigboxError('WRONG_USAGE', { message: `${to.path} is a folder, and what comes from stdin has no name.` });
  const path = isFolder ? posix.join(to.path, basename(from.path)) : to.path;
  await client.writeFile({ vmId, path, data }, signal);
}

async function copyOut(
  client: VmClient,
  { from, to }: { readonly from: InVm; readonly to: Here },
  signal: AbortSignal,
): Promise<void> {
  const data = await client.readFile({ vmId: await findVmId(client, from.vm, signal), path: from.path }, signal);
  if (to.path === '-') return writeTo(process.stdout, data);
  const there = await stat(to.path).catch(() => undefined);
  const path = there?.isDirectory() === true ? join(to.path, posix.basename(from.path)) : to.path;
  await explain(path, () => writeFile(path, data));
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

async function readHere(path: string): Promise<Buffer> {
  return explain(path, () => readFile(path));
}

/** Reports what the system says of a path of this machine as a mistake in the command line, which it mostly is. */
async function explain<TValue>(path: string, work: () => Promise<TValue>): Promise<TValue> {
  try {
    return await work();
  } catch (error) {
    const { code = 'an error' } = error as NodeJS.ErrnoException;
    const why = code === 'EISDIR' ? 'it is a folder, and only files are copied' : (reasons[code] ?? code);
    throw new BigboxError('WRONG_USAGE', {
      message: `${path} cannot be used: ${why}.`,
      context: { path, code },
      remedy: 'Correct the path.',
      cause: error,
    });
  }
}

const reasons: Readonly<Record<string, string>> = {
  ENOENT: 'there is nothing of this name',
  ENOTDIR: 'a part of it is no folder',
  EACCES: 'this user may not',
  ENOSPC: 'the disk is full',
};
