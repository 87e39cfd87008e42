import { readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ControlGroups } from '../process/control-group.ts';
import { toMachineName } from '../qemu/leftovers.ts';
import { tryKill } from '../process/machine-process.ts';

export interface LeftoverPlace {
  readonly runDirectory: string;
  readonly groups: ControlGroups | undefined;
}

/** Ends every process of an earlier owner of the run directory and removes its jails, but for the kept ones. Returns what it removed. */
export async function removeJails(place: LeftoverPlace, kept: ReadonlySet<string>): Promise<readonly string[]> {
  const prefix = toMachineName(place.runDirectory, '');
  const isLeftover = (name: string): boolean => name.startsWith(prefix) && !kept.has(name.slice(prefix.length));
  const removed: string[] = [];
  for (let found = await findProcesses(isLeftover); found.length > 0; found = await findProcesses(isLeftover)) {
    for (const pid of found) if (tryKill(pid)) removed.push(`process ${pid}`);
    await wait(20);
  }
  const jails = join(place.runDirectory, 'firecracker');
  for (const name of await readdir(jails).catch(() => [])) {
    if (!isLeftover(name)) continue;
    await rm(join(jails, name), { recursive: true, force: true });
    removed.push(`jail ${name}`);
  }
  for (const name of (await place.groups?.removeAll(isLeftover)) ?? []) removed.push(`control group ${name}`);
  return removed;
}

/** Whether a command line names a machine: the jailer and Firecracker both say which one they are for. */
export function namesMachine(words: readonly string[], isWanted: (name: string) => boolean): boolean {
  const option = '--id=';
  return words.some((word, index) => {
    const name = word === '--id' ? words[index + 1] : word.startsWith(option) ? word.slice(option.length) : undefined;
    return name !== undefined && isWanted(name);
  });
}

async function findProcesses(isWanted: (name: string) => boolean): Promise<readonly number[]> {
  const found: number[] = [];
  for (const entry of await readdir('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const words = (await readFile(`/proc/${entry}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (namesMachine(words, isWanted)) found.push(Number(entry));
  }
  return found;
}
