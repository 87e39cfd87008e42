import type { MachineTraces } from '../process/leftovers.ts';
import { lineageSuffix } from './lineage.ts';

/** The name of the machine that a command line of QEMU is for. */
export function nameIn(words: readonly string[]): string | undefined {
  const option = words.indexOf('-name');
  return option < 0 ? undefined : words[option + 1];
}

/** How machines of QEMU are recognised: all that lies in the run directory is theirs. */
export const tracesOfQemu = (runDirectory: string): MachineTraces => ({
  nameIn,
  directory: runDirectory,
  idOf: (entry) => entry.replace(lineageSuffix, ''),
});
