import { createHash } from 'node:crypto';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import type { ControlGroups } from './control-group.ts';
import { tryKill } from './vmm-process.ts';

/** Names a machine so that its processes are recognised by their command line, and those of other services are not. */
export function toMachineName(runDirectory: string, id: string): string {
  return `${toPrefix(runDirectory)}${id}`;
}

/** Ends every process of an earlier owner of the run directory and removes its machines' files. Returns what it removed. */
export async function removeLeftovers(
  runDirectory: string,
  groups: ControlGroups | undefined,
): Promise<readonly string[]> {
  const removed: string[] = [];
  for (let found = await findProcesses(runDirectory); found.length > 0; found = await findProcesses(runDirectory)) {
    for (const pid of found) if (tryKill(pid)) removed.push(`process ${pid}`);
    await wait(20);
  }
  for (const id of await readdir(runDirectory).catch(() => [])) {
    await rm(join(runDirectory, id), { recursive: true, force: true });
    removed.push(`directory ${id}`);
  }
  await groups?.removeAll(toPrefix(runDirectory));
  return removed;
}

const toPrefix = (runDirectory: string): string =>
  `bigbox-${createHash('sha256').update(resolve(runDirectory)).digest('hex').slice(0, 12)}-`;

async function findProcesses(runDirectory: string): Promise<readonly number[]> {
  const prefix = toPrefix(runDirectory);
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name)).map(Number);
  const found: number[] = [];
  for (const pid of pids) {
    const words = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0');
    if (words[words.indexOf('-name') + 1]?.startsWith(prefix) === true) found.push(pid);
  }
  return found;
}
