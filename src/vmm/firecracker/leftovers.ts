import { join } from 'node:path';
import type { MachineTraces } from '../process/leftovers.ts';
import { toMachineId } from '../process/machine-name.ts';

/** The name of the machine that a command line is for: the jailer and Firecracker both say it. */
export function nameIn(words: readonly string[]): string | undefined {
  const option = '--id=';
  const index = words.findIndex((word) => word === '--id' || word.startsWith(option));
  const word = words[index];
  return word === '--id' ? words[index + 1] : word?.slice(option.length);
}

/** How machines of Firecracker are recognised: each has a jail of its name. */
export const tracesOfFirecracker = (runDirectory: string): MachineTraces => ({
  nameIn,
  directory: join(runDirectory, 'firecracker'),
  idOf: (entry) => toMachineId(runDirectory, entry),
});
