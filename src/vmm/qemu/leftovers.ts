import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ControlGroups } from '../process/control-group.ts';
import { lineageSuffix } from './lineage.ts';
import { tryKill } from '../process/machine-process.ts';

/** Names a machine so that its processes are recognised by their command line, and those of other services are not. */
export function toMachineName(runDirectory: string, id: string): string {
  return `${toPrefix(runDirectory)}${id}`;
}

/** Ends every process of an earlier owner of the run directory and removes its machines' files, but for the kept ones. Returns what it removed. */
export async function removeLeftovers(
  runDirectory: string,
  kept: ReadonlySet<string>,
  groups: ControlGroups | undefined,
): Promise<readonly string[]> {
  const removed: string[] = [];
  const find = (): Promise<readonly number[]> => findProcesses(runDirectory, kept);
  for (let found = await find(); found.length > 0; found = await find()) {
    for (const pid of found) if (tryKill(pid)) removed.push(`process ${pid}`);
    await wait(20);
  }
  for (const id of await readdir(runDirectory).catch(() => [])) {
    if (kept.has(id.replace(lineageSuffix, ''))) continue;
    await rm(join(runDirectory, id), { recursive: true, force: true });
    removed.push(`directory ${id}`);
  }
  const isLeftover = (name: string): boolean => {
    const id = toMachineId(runDirectory, name);
    return id !== undefined && !kept.has(id);
  };
  for (const name of (await groups?.removeAll(isLeftover)) ?? []) removed.push(`control group ${name}`);
  return removed;
}

/** Whether the process was started for the machine of this name: its command line says so. */
export async function belongsTo(pid: number, machineName: string): Promise<boolean> {
  return (await machineNameOf(pid)) === machineName;
}

const toPrefix = (runDirectory: string): string =>
  `bigbox-${createHash('sha256').update(resolve(runDirectory)).digest('hex').slice(0, 12)}-`;

function toMachineId(runDirectory: string, name: string): string | undefined {
  const prefix = toPrefix(runDirectory);
  return name.startsWith(prefix) ? name.slice(prefix.length) : undefined;
}

async function machineNameOf(pid: number): Promise<string | undefined> {
  const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
  const option = words.indexOf('-name');
  return option < 0 ? undefined : words[option + 1];
}

async function findProcesses(runDirectory: string, kept: ReadonlySet<string>): Promise<readonly number[]> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const id = toMachineId(runDirectory, (await machineNameOf(pid)) ?? '');
    if (id !== undefined && !kept.has(id)) found.push(pid);
  }
  return found;
}
