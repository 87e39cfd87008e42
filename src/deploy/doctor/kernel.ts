import { type Finding, toFinding } from './finding.ts';
import { readFact } from './read-fact.ts';

/** Version 2 with limits on memory and processes is what VMs are put into; version 1 serves too, and counts less exactly. */
export async function checkControlGroups(root: string): Promise<Finding> {
  const check = 'control groups';
  const controllers = await readFact(root, 'sys/fs/cgroup/cgroup.controllers');
  if (controllers === undefined) {
    const split = await readFact(root, 'sys/fs/cgroup/memory/memory.limit_in_bytes');
    if (split === undefined)
      return toFinding(check, 'problem', 'none are mounted: nothing limits the memory of a VM process', mountRemedy);
    return toFinding(
      check,
      'advice',
      'version 1: limits hold, but restores are slower and memory is counted less exactly',
      'Start the kernel with systemd.unified_cgroup_hierarchy=1.',
    );
  }
  const present = controllers.split(/\s+/);
  const missing = ['memory', 'pids', 'cpu'].filter((name) => !present.includes(name));
  if (missing.length === 0) return toFinding(check, 'ok', `version 2 with ${present.join(', ')}`);
  return toFinding(check, 'problem', `version 2 without ${missing.join(', ')}`, delegateRemedy);
}

const mountRemedy = 'Mount them: mount -t cgroup2 none /sys/fs/cgroup';
const delegateRemedy = 'Start the kernel without cgroup_disable, or, in a container, delegate these controllers to it.';

/** Two threads of one core share caches that a guest can measure. */
export async function checkThreads(root: string): Promise<Finding> {
  const check = 'SMT';
  const active = await readFact(root, 'sys/devices/system/cpu/smt/active');
  if (active === undefined)
    return toFinding(check, 'unknown', 'the kernel does not tell whether cores have two threads');
  if (active === '0') return toFinding(check, 'ok', 'off: no core runs two threads');
  return toFinding(
    check,
    'advice',
    'on: VMs on two threads of a core can measure each other',
    'Where strangers share this machine: echo off > /sys/devices/system/cpu/smt/control',
  );
}

/** Equal pages that are merged can be told from others by the time of a write. */
export async function checkPageMerging(root: string): Promise<Finding> {
  const check = 'KSM';
  const run = await readFact(root, 'sys/kernel/mm/ksm/run');
  if (run === undefined || run === '0') return toFinding(check, 'ok', 'off: no pages are shared by their content');
  return toFinding(
    check,
    'advice',
    'on: a VM can measure what other VMs have in memory',
    'Turn it off: echo 2 > /sys/kernel/mm/ksm/run',
  );
}

/** Swapped memory of a guest outlives it on the disk. */
export async function checkSwap(root: string): Promise<Finding> {
  const check = 'swap';
  const swaps = await readFact(root, 'proc/swaps');
  if (swaps === undefined) return toFinding(check, 'unknown', 'the kernel does not tell (/proc/swaps)');
  const areas = swaps.split('\n').slice(1).flatMap(toSwapArea);
  if (areas.length === 0) return toFinding(check, 'ok', 'none: memory of VMs is never written to a disk');
  const names = areas.map(({ name, megabytes }) => `${name} (${megabytes} MB)`).join(', ');
  if (areas.every(({ name }) => /zram/.test(name))) return toFinding(check, 'ok', `${names}, which is memory`);
  return toFinding(
    check,
    'advice',
    `${names}: memory of VMs may be written there and stay`,
    'Turn it off with swapoff -a, or keep it on an encrypted disk.',
  );
}

const toSwapArea = (line: string): readonly { readonly name: string; readonly megabytes: number }[] => {
  const [name, , kilobytes] = line.split(/\s+/);
  return name === undefined || name === '' ? [] : [{ name, megabytes: Math.round(Number(kilobytes) / 1024) }];
};

/** Large pages that the kernel hands out by itself make clones keep more memory than they use. */
export async function checkHugePages(root: string): Promise<Finding> {
  const check = 'huge pages';
  const modes = await readFact(root, 'sys/kernel/mm/transparent_hugepage/enabled');
  const mode = modes === undefined ? 'not built' : (/\[(\w+)\]/.exec(modes)?.[1] ?? modes);
  const meminfo = (await readFact(root, 'proc/meminfo')) ?? '';
  const reserved = Number(/^HugePages_Total:\s+(\d+)/m.exec(meminfo)?.[1] ?? 0);
  const finding = `transparent: ${mode}; reserved: ${reserved}`;
  if (mode !== 'always') return toFinding(check, 'ok', finding);
  const remedy = 'For more VMs in the same memory: echo madvise > /sys/kernel/mm/transparent_hugepage/enabled';
  return toFinding(check, 'advice', finding, remedy);
}

const neededMegabytes = 1500;

/** Memory that VMs can have now. */
export async function checkMemory(root: string): Promise<Finding> {
  const check = 'memory';
  const meminfo = (await readFact(root, 'proc/meminfo')) ?? '';
  const [total, available] = ['MemTotal', 'MemAvailable'].map((name) => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(meminfo)?.[1];
    return Math.round(Number(kilobytes) / 1024);
  });
  if (total === undefined || available === undefined || Number.isNaN(total + available))
    return toFinding(check, 'unknown', 'the kernel does not tell (/proc/meminfo)');
  const finding = `${available} of ${total} MB available`;
  if (available >= neededMegabytes) return toFinding(check, 'ok', finding);
  return toFinding(check, 'advice', finding, 'Stop other programs, or lower vm_pool_size and vm_memory_mib.');
}
