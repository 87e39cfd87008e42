import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ControlGroups } from './control-group.ts';
import { toMachineId } from './machine-name.ts';
import { tryKill } from './machine-process.ts';

/** Where machines of one service are. */
export interface MachinePlace {
  readonly runDirectory: string;
  readonly groups: ControlGroups | undefined;
}

/** How a driver's machines are recognised. */
export interface MachineTraces {
  /** The name of the machine that a command line is for. */
  readonly nameIn: (words: readonly string[]) => string | undefined;
  /** Holds what belongs to one machine in each of its entries. */
  readonly directory: string;
  /** The id of the machine that an entry belongs to; absent where that belongs to nothing of this service. */
  readonly idOf: (entry: string) => string | undefined;
}

/** Ends every process of an earlier owner of the run directory and removes its machines' files, but for the kept ones. Returns what it removed. */
export async function removeLeftovers(
  { runDirectory, groups }: MachinePlace,
  { nameIn, directory, idOf }: MachineTraces,
  kept: ReadonlySet<string>,
): Promise<readonly string[]> {
  const isLeftover = (id: string | undefined): boolean => id !== undefined && !kept.has(id);
  const isForeign = (name: string | undefined): boolean => isLeftover(toMachineId(runDirectory, name ?? ''));
  const removed: string[] = [];
  const find = (): Promise<readonly number[]> => findProcesses((words) => isForeign(nameIn(words)));
  for (let found = await find(); found.length > 0; found = await find()) {
    for (const pid of found) if (tryKill(pid)) removed.push(`process ${pid}`);
    await wait(20);
  }
  for (const entry of await readdir(directory).catch(() => [])) {
    if (!isLeftover(idOf(entry))) continue;
    await rm(join(directory, entry), { recursive: true, force: true });
    removed.push(`directory ${entry}`);
  }
  for (const name of (await groups?.removeAll(isForeign)) ?? []) removed.push(`control group ${name}`);
  return removed;
}

/** The words of a process's command line; none when it is gone. */
export async function readCommandLine(pid: number): Promise<readonly string[]> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
}

async function findProcesses(isWanted: (words: readonly string[]) => boolean): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) if (isWanted(await readCommandLine(pid))) found.push(pid);
  return found;
}
