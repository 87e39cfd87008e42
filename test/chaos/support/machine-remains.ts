import { existsSync } from 'node:fs';
import { readdir, readlink } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { toMachineName } from '../../../src/vmm/process/machine-name.ts';
import { findMachineProcesses } from '../../fixtures/machine-processes.ts';

/** Everything that machines and records leave on a host, by the names of what it belongs to. */
export interface Remains {
  /** Machines by their directories, by the processes in these, and by their control groups. */
  readonly directories: readonly string[];
  readonly processes: readonly string[];
  readonly groups: readonly string[];
  readonly records: readonly string[];
  readonly snapshots: readonly string[];
}

const groupRoots = ['/sys/fs/cgroup/bigbox-vms', '/sys/fs/cgroup/memory/bigbox-vms', '/sys/fs/cgroup/pids/bigbox-vms'];

/** Looks for all that the service of a data directory has on this host. */
export async function findRemains(dataDir: string): Promise<Remains> {
  const runDirectory = join(dataDir, 'vms', 'run');
  return {
    directories: distinct((await list(runDirectory)).map((name) => name.replace('.lineage', ''))),
    processes: await machinesOfProcesses(dataDir),
    groups: await machinesOfGroups(runDirectory),
    records: (await list(join(dataDir, 'vms', 'named'))).map((name) => basename(name, '.json')),
    snapshots: await list(join(dataDir, 'vms', 'snapshots')),
  };
}

const list = async (path: string): Promise<readonly string[]> =>
  existsSync(path) ? (await readdir(path)).toSorted() : [];

async function machinesOfProcesses(dataDir: string): Promise<readonly string[]> {
  const found = await findMachineProcesses(dataDir);
  const directories = await Promise.all(found.map((pid) => readlink(`/proc/${pid}/cwd`).catch(() => '')));
  return distinct(directories.filter((path) => path !== '').map((path) => basename(path)));
}

async function machinesOfGroups(runDirectory: string): Promise<readonly string[]> {
  const prefix = toMachineName(runDirectory, '');
  const names = (await Promise.all(groupRoots.map(list))).flat();
  return distinct(names.filter((name) => name.startsWith(prefix)).map((name) => name.slice(prefix.length)));
}

const distinct = (names: readonly string[]): readonly string[] => [...new Set(names)].toSorted();
