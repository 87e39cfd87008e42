import { readlink } from 'node:fs/promises';
import { isRunning } from '../../lib/process-identity.ts';
import { type MachineTraces, readCommandLine } from './leftovers.ts';
import type { MachineProcessIdentity } from './machine-process.ts';

/** Throws a plain error unless the recorded process is there and is that of the machine with this name. */
export async function assertMachine(
  identity: MachineProcessIdentity,
  name: string,
  { nameIn }: Pick<MachineTraces, 'nameIn'>,
): Promise<void> {
  const { pid } = identity;
  if (!isRunning(identity)) throw new Error(`its process ${pid} is gone`);
  const executable = await readlink(`/proc/${pid}/exe`);
  if (executable !== identity.executable)
    throw new Error(`the process ${pid} runs ${executable}, not ${identity.executable}`);
  if (nameIn(await readCommandLine(pid)) !== name) throw new Error(`the process ${pid} belongs to another machine`);
}
