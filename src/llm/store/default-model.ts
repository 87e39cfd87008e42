import { type CatalogueModel, catalogue } from './catalogue.ts';

export interface MachineMemory {
  readonly totalMemoryBytes: number;
  readonly freeMemoryBytes: number;
}

/**
 * Chooses the model that serves where nobody named one: the largest that the free memory carries, else the smallest. A model
 * never takes more than half of the whole memory, as VMs need the rest.
 */
export function chooseDefaultModel(memory: MachineMemory): CatalogueModel {
  const candidates = catalogue
    .filter((model) => model.role === 'default')
    .toSorted((one, other) => other.memoryBytes - one.memoryBytes);
  const fitting = candidates.find(
    (model) => model.freeMemoryBytes <= memory.freeMemoryBytes && model.memoryBytes * 2 <= memory.totalMemoryBytes,
  );
  const chosen = fitting ?? candidates.at(-1);
  if (chosen === undefined) throw new Error('The catalogue has no model that may be chosen by itself.');
  return chosen;
}
